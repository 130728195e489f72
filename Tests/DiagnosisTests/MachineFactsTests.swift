import Diagnosis
import Testing

struct MachineFactsTests {
    @Test func mounts() {
        let text = """
            22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
            30 22 0:25 / /dev/shm rw,nosuid master:3 - overlay shm rw,size=65536k
            31 22 0:26 / /dev/shm rw,nosuid master:3 shared:9 - tmpfs shm rw,size=65536k
            32 22 0:27 / /dev/shmx rw - xfs x rw
            """
        #expect(MachineFacts.fileSystem(of: "/dev/shm", mountInfo: text) == "tmpfs")
        #expect(MachineFacts.fileSystem(of: "/dev", mountInfo: text) == nil)
        #expect(MachineFacts.fileSystem(of: "/dev/shm", mountInfo: "x /dev/shm\n1 2 3 4 /dev/shm -") == nil)
    }

    @Test func limits() {
        let text = """
            Limit                     Soft Limit           Hard Limit           Units
            Max cpu time              unlimited            unlimited            seconds
            Max open files            1024                 1048576              files
            Max locked memory         8388608              unlimited            bytes
            Max nice priority         0                    0
            """
        #expect(
            MachineFacts.limits(in: text) == [
                "Max open files": 1024, "Max locked memory": 8_388_608, "Max nice priority": 0,
            ])
    }

    /// This machine can be read, whatever it is.
    @Test func thisMachine() {
        let facts = MachineFacts.read()
        #expect(facts.processors > 0)
        #expect(facts.sharedMemory.map { $0.totalBytes >= $0.freeBytes && $0.totalBytes > 0 } ?? true)
        #expect(!facts.limits.isEmpty)
    }
}
