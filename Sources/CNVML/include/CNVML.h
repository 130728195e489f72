// The parts of NVML's binary interface that this project uses, declared from its documented layouts.
// Sizes and offsets are checked below for 64-bit Linux. Names carry the prefix `CNVML` so that they never
// collide with NVIDIA's header in a program that includes both.
#ifndef CNVML_H
#define CNVML_H

#include <stddef.h>

typedef struct CNVMLDeviceOpaque *CNVMLDevice;
typedef struct CNVMLGPUInstanceOpaque *CNVMLGPUInstance;
typedef struct CNVMLComputeInstanceOpaque *CNVMLComputeInstance;
typedef struct CNVMLEventSetOpaque *CNVMLEventSet;

typedef struct {
    char busIdLegacy[16];
    unsigned int domain;
    unsigned int bus;
    unsigned int device;
    unsigned int pciDeviceId;  // device in the high half, vendor in the low one
    unsigned int pciSubSystemId;
    char busId[32];
} CNVMLPCI;

typedef struct {
    unsigned long long total;  // bytes
    unsigned long long free;
    unsigned long long used;
} CNVMLMemory;

typedef struct {
    unsigned int version;
    unsigned long long total;  // bytes
    unsigned long long reserved;
    unsigned long long free;
    unsigned long long used;
} CNVMLMemoryV2;

typedef struct {
    unsigned int start;  // memory slice
    unsigned int size;   // memory slices
} CNVMLPlacement;

typedef struct {
    unsigned int id;
    unsigned int isP2pSupported;
    unsigned int sliceCount;
    unsigned int instanceCount;
    unsigned int multiprocessorCount;
    unsigned int copyEngineCount;
    unsigned int decoderCount;
    unsigned int encoderCount;
    unsigned int jpegCount;
    unsigned int ofaCount;
    unsigned long long memorySizeMB;  // MiB
} CNVMLGPUInstanceProfile;

typedef struct {
    unsigned int version;
    unsigned int id;
    unsigned int isP2pSupported;
    unsigned int sliceCount;
    unsigned int instanceCount;
    unsigned int multiprocessorCount;
    unsigned int copyEngineCount;
    unsigned int decoderCount;
    unsigned int encoderCount;
    unsigned int jpegCount;
    unsigned int ofaCount;
    unsigned long long memorySizeMB;
    char name[96];
} CNVMLGPUInstanceProfileV2;

typedef struct {
    unsigned int version;
    unsigned int id;
    unsigned int sliceCount;
    unsigned int instanceCount;
    unsigned int multiprocessorCount;
    unsigned int copyEngineCount;
    unsigned int decoderCount;
    unsigned int encoderCount;
    unsigned int jpegCount;
    unsigned int ofaCount;
    unsigned long long memorySizeMB;
    char name[96];
    unsigned int capabilities;
} CNVMLGPUInstanceProfileV3;

typedef struct {
    CNVMLDevice device;
    unsigned int id;
    unsigned int profileId;
    CNVMLPlacement placement;
} CNVMLGPUInstanceRecord;

typedef struct {
    unsigned int id;
    unsigned int sliceCount;
    unsigned int instanceCount;
    unsigned int multiprocessorCount;
    unsigned int sharedCopyEngineCount;
    unsigned int sharedDecoderCount;
    unsigned int sharedEncoderCount;
    unsigned int sharedJpegCount;
    unsigned int sharedOfaCount;
} CNVMLComputeInstanceProfile;

typedef struct {
    unsigned int version;
    unsigned int id;
    unsigned int sliceCount;
    unsigned int instanceCount;
    unsigned int multiprocessorCount;
    unsigned int sharedCopyEngineCount;
    unsigned int sharedDecoderCount;
    unsigned int sharedEncoderCount;
    unsigned int sharedJpegCount;
    unsigned int sharedOfaCount;
    char name[96];
} CNVMLComputeInstanceProfileV2;

typedef struct {
    unsigned int version;
    unsigned int id;
    unsigned int sliceCount;
    unsigned int instanceCount;
    unsigned int multiprocessorCount;
    unsigned int sharedCopyEngineCount;
    unsigned int sharedDecoderCount;
    unsigned int sharedEncoderCount;
    unsigned int sharedJpegCount;
    unsigned int sharedOfaCount;
    char name[96];
    unsigned int capabilities;
} CNVMLComputeInstanceProfileV3;

typedef struct {
    CNVMLDevice device;  // the MIG device's own handle
    CNVMLGPUInstance gpuInstance;
    unsigned int id;
    unsigned int profileId;
    CNVMLPlacement placement;
} CNVMLComputeInstanceRecord;

typedef struct {
    unsigned int multiprocessorCount;
    unsigned int sharedCopyEngineCount;
    unsigned int sharedDecoderCount;
    unsigned int sharedEncoderCount;
    unsigned int sharedJpegCount;
    unsigned int sharedOfaCount;
    unsigned int gpuInstanceSliceCount;
    unsigned int computeInstanceSliceCount;
    unsigned long long memorySizeMB;
} CNVMLAttributes;

typedef struct {
    unsigned int pid;
    unsigned long long usedGpuMemory;  // bytes; all ones where unknown
    unsigned int gpuInstanceId;        // all ones where there is none
    unsigned int computeInstanceId;
} CNVMLProcess;

typedef struct {
    CNVMLDevice device;
    unsigned long long eventType;
    unsigned long long eventData;  // of an Xid event, its number
    unsigned int gpuInstanceId;    // all ones for the whole GPU
    unsigned int computeInstanceId;
} CNVMLEvent;

typedef struct {
    unsigned int version;
    unsigned int isSupportedDevice;
} CNVMLGPMSupport;

typedef struct {
    unsigned int metricId;
    int nvmlReturn;
    double value;
    const char *shortName;
    const char *longName;
    const char *unit;
} CNVMLGPMMetric;

// The array after it is as long as the release likes; `numMetrics` entries of it count.
typedef struct {
    unsigned int version;
    unsigned int numMetrics;
    struct CNVMLGPMSampleOpaque *sample1;
    struct CNVMLGPMSampleOpaque *sample2;
} CNVMLGPMMetricsHead;

#define CNVML_CHECK(type, size) _Static_assert(sizeof(type) == (size), #type)
CNVML_CHECK(CNVMLPCI, 68);
CNVML_CHECK(CNVMLMemory, 24);
CNVML_CHECK(CNVMLPlacement, 8);
CNVML_CHECK(CNVMLGPUInstanceProfile, 48);
CNVML_CHECK(CNVMLGPUInstanceProfileV2, 152);
CNVML_CHECK(CNVMLGPUInstanceProfileV3, 152);
CNVML_CHECK(CNVMLGPUInstanceRecord, 24);
CNVML_CHECK(CNVMLComputeInstanceProfile, 36);
CNVML_CHECK(CNVMLComputeInstanceRecord, 32);
CNVML_CHECK(CNVMLAttributes, 40);
CNVML_CHECK(CNVMLProcess, 24);
CNVML_CHECK(CNVMLEvent, 32);
CNVML_CHECK(CNVMLMemoryV2, 40);
CNVML_CHECK(CNVMLComputeInstanceProfileV2, 136);
CNVML_CHECK(CNVMLComputeInstanceProfileV3, 140);
CNVML_CHECK(CNVMLGPMSupport, 8);
CNVML_CHECK(CNVMLGPMMetric, 40);
CNVML_CHECK(CNVMLGPMMetricsHead, 24);
_Static_assert(offsetof(CNVMLGPUInstanceProfileV2, name) == 56, "v2 name");
_Static_assert(offsetof(CNVMLGPUInstanceProfileV3, name) == 48, "v3 name");
_Static_assert(offsetof(CNVMLGPUInstanceProfileV3, capabilities) == 144, "v3 capabilities");
_Static_assert(offsetof(CNVMLComputeInstanceRecord, placement) == 24, "compute instance placement");

#endif
