#include "OddNVML.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_CODE 4242
#define NOT_SUPPORTED 3
#define INVALID_ARGUMENT 2
#define INSUFFICIENT_SIZE 7

static int shutdowns;

int oddShutdowns(void) { return shutdowns; }

// Whether the list of names in the environment has this one.
static int fails(const char *name) {
    const char *list = getenv("ODD_NVML_FAILS");
    size_t length = strlen(name);
    while (list) {
        if (strncmp(list, name, length) == 0 && (list[length] == ',' || list[length] == 0)) return 1;
        list = strchr(list, ',');
        if (list) list++;
    }
    return 0;
}

#define ODD() \
    if (fails(__func__)) return UNKNOWN_CODE

static int text(char *buffer, unsigned length, const char *value) {
    snprintf(buffer, length, "%s", value);
    return 0;
}

int nvmlInit_v2(void) { ODD(); return 0; }
int nvmlShutdown(void) { shutdowns++; return 0; }
int nvmlSystemGetDriverVersion(char *buffer, unsigned length) { ODD(); return text(buffer, length, "450.80.02"); }
int nvmlDeviceGetCount_v2(unsigned *count) { ODD(); *count = 1; return 0; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, CNVMLDevice *device) {
    ODD();
    if (index != 0) return INVALID_ARGUMENT;
    *device = (CNVMLDevice)&shutdowns;
    return 0;
}

int nvmlDeviceGetName(CNVMLDevice device, char *buffer, unsigned length) { ODD(); return text(buffer, length, "Odd GPU"); }
int nvmlDeviceGetUUID(CNVMLDevice device, char *buffer, unsigned length) { ODD(); return text(buffer, length, "GPU-odd"); }

int nvmlDeviceGetPciInfo_v3(CNVMLDevice device, CNVMLPCI *pci) {
    ODD();
    memset(pci, 0, sizeof *pci);
    pci->pciDeviceId = 0x123410de;  // no model has this one
    strcpy(pci->busId, "00000000:01:00.0");
    return 0;
}

int nvmlDeviceGetMemoryInfo(CNVMLDevice device, CNVMLMemory *memory) {
    ODD();
    *memory = (CNVMLMemory){.total = 40960ull << 20};
    return 0;
}

int nvmlDeviceGetNumaNodeId(CNVMLDevice device, unsigned *node) { ODD(); *node = ~0u; return 0; }
int nvmlDeviceGetMigMode(CNVMLDevice device, unsigned *current, unsigned *pending) { ODD(); *current = *pending = 1; return 0; }

int nvmlDeviceGetGpuInstanceProfileInfo(CNVMLDevice device, unsigned index, CNVMLGPUInstanceProfile *profile) {
    ODD();
    if (index != 1) return getenv("ODD_NVML_ENDLESS") || index < 4 ? NOT_SUPPORTED : INVALID_ARGUMENT;
    *profile = (CNVMLGPUInstanceProfile){
        .id = 14, .sliceCount = 2, .instanceCount = 3, .multiprocessorCount = 28, .memorySizeMB = 9856};
    return 0;
}

int nvmlDeviceGetGpuInstancePossiblePlacements_v2(
    CNVMLDevice device, unsigned id, CNVMLPlacement *places, unsigned *count) {
    ODD();
    *count = 3;
    for (unsigned place = 0; places && place < 3; place++) places[place] = (CNVMLPlacement){2 * place, 2};
    return 0;
}

int nvmlDeviceGetGpuInstances(CNVMLDevice device, unsigned id, CNVMLGPUInstance *instances, unsigned *count) {
    ODD();
    *count = 0;
    return 0;
}

int nvmlDeviceGetComputeRunningProcesses_v3(CNVMLDevice device, unsigned *count, CNVMLProcess *processes) {
    ODD();
    if (getenv("ODD_NVML_HUNGRY")) {
        *count += 1;
        return INSUFFICIENT_SIZE;
    }
    // 70 processes: more than a first guess of a caller may be.
    unsigned room = *count;
    *count = 70;
    if (room < 70) return INSUFFICIENT_SIZE;
    for (unsigned process = 0; process < 70; process++) processes[process] = (CNVMLProcess){.pid = 1000 + process};
    return 0;
}

int nvmlDeviceCreateGpuInstanceWithPlacement(
    CNVMLDevice device, unsigned id, const CNVMLPlacement *place, CNVMLGPUInstance *instance) {
    ODD();
    *instance = (CNVMLGPUInstance)&shutdowns;
    return 0;
}

int nvmlGpuInstanceDestroy(CNVMLGPUInstance instance) { ODD(); return 0; }
