import Launcher
import Testing

/// Launchers inside `flexmig run`: recognised, and answered with a command that works.
struct ForeignLauncherTests {
    private func words(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }

    @Test(arguments: [
        ("torchrun train.py", "torchrun"), ("/usr/bin/torchrun train.py", "torchrun"), ("./torchrun", "torchrun"),
        ("python -m torch.distributed.run train.py", "torchrun"),
        ("python3.11 -m torch.distributed.run --nproc-per-node 4 train.py", "torchrun"),
        ("/opt/conda/bin/python3 -u -m torch.distributed.launch train.py", "torchrun"),
        ("python -um torch.distributed.run train.py", "torchrun"),
        ("python -mtorch.distributed.run train.py", "torchrun"),
        ("python -W ignore -X dev -m torch.distributed.run train.py", "torchrun"),
        ("python -Wignore -Xfrozen_modules=off -m torch.distributed.run train.py", "torchrun"),
        ("mpirun -n 4 ./train", "mpirun"), ("/usr/lib64/openmpi/bin/mpirun ./train", "mpirun"),
        ("mpirun.openmpi -n 4 ./train", "mpirun.openmpi"), ("mpiexec -n 4 ./train", "mpiexec"),
        ("mpiexec.hydra -n 4 ./train", "mpiexec.hydra"), ("srun -n 4 ./train", "srun"), ("srun", "srun"),
        ("prterun -n 4 ./train", "prterun"),
    ])
    func recognises(line: String, name: String) throws {
        let launcher = try #require(ForeignLauncher(command: words(line)))
        #expect(launcher.name == name)
        #expect(!launcher.usesExec)
    }

    @Test(arguments: [
        "./train", "train --epochs 3", "python train.py", "python -m mypackage.train", "python -c pass",
        // What stands behind the script or the module belongs to it.
        "python train.py -m torch.distributed.run", "python -m pdb -m torch.distributed.run",
        "python -c pass -m torch.distributed.run", "python -X -m torch.distributed.run", "python -m", "python",
        "python -", "python - -m torch.distributed.run",
        "torchrun-wrapper train.py", "my-mpirun ./train", "./srun.sh", "./mpirun.py", "srunner", "bash -c torchrun",
        "echo torchrun", "cat /usr/bin/srun", "",
    ])
    func leavesAlone(line: String) {
        #expect(ForeignLauncher(command: words(line)) == nil)
    }

    @Test(arguments: [
        ("torchrun --no-python --nproc-per-node 4 flexmig exec -- python train.py", true),
        ("mpirun -n 4 /usr/bin/flexmig exec -- ./train", true), ("srun flexmig exec -- ./train", true),
        ("python3 -m torch.distributed.run --no-python ./flexmig exec -- ./train", true),
        ("torchrun --no-python --nproc-per-node 4 flexmig run -- ./train", false),
        ("mpirun -n 4 exec flexmig", false), ("mpirun -n 4 notflexmig exec -- ./train", false),
        ("srun ./train flexmig", false), ("srun flexmig", false),
    ])
    func sees(line: String, usesExec: Bool) throws {
        #expect(try #require(ForeignLauncher(command: words(line))).usesExec == usesExec)
    }

    /// What the ranks of each command run, as the advice repeats it.
    static let programs: [(line: String, program: String)] = [
        ("torchrun --nproc-per-node 4 train.py --epochs 3", "python train.py --epochs 3"),
        ("torchrun --nproc_per_node=4 --nnodes 1 src/train.py", "python src/train.py"),
        ("torchrun --standalone --log-dir /tmp/logs train.py", "python train.py"),
        ("torchrun --rdzv-endpoint node0:29400 --rdzv-backend c10d -t3 train.py", "python train.py"),
        ("torchrun --nproc-per-node 4 -m mypackage.train --lr 0.1", "python -m mypackage.train --lr 0.1"),
        ("torchrun --nproc-per-node 4 --no-python ./train.sh a", "./train.sh a"),
        ("torchrun --nproc-per-node 4 train.py --data /d --config a.py", "python train.py --data /d --config a.py"),
        ("python -m torch.distributed.launch --use_env --nproc_per_node 4 train.py", "python train.py"),
        ("mpirun -n 4 python train.py", "python train.py"), ("mpirun -n 4 python3 -u train.py", "python3 -u train.py"),
        ("mpirun -n 4 ./train --script a.py", "./train --script a.py"), ("mpirun -n 4 train.py", "python train.py"),
        ("mpirun --hostfile /etc/hosts -n 4 /opt/app/train", "/opt/app/train"), ("mpirun -- ./train", "./train"),
        ("srun -n 4 --output=/tmp/o /usr/bin/python3 train.py", "/usr/bin/python3 train.py"),
        ("srun --mpi pmix -n 4 ./train", "./train"),
        // What can't be told apart gets an example.
        ("mpirun -n 4 train", "python train.py"), ("torchrun", "python train.py"), ("srun -n 4", "python train.py"),
    ]

    @Test(arguments: programs)
    func advice(line: String, program: String) throws {
        let launcher = try #require(ForeignLauncher(command: words(line)))
        let starter = launcher.name == "torchrun" ? "torchrun --no-python --nproc-per-node 4" : "\(launcher.name) -n 4"
        #expect(
            launcher.advice(leaves: 4) == """
                \(launcher.name) starts ranks by itself, and `flexmig run` starts one rank per leaf: together they \
                would start 4 times as many.
                Leave \(launcher.name) out:  flexmig run --leaves 4 -- \(program)
                or keep it, and let each of its ranks take its own leaf:
                  flexmig run --leaves 4 -- \(starter) flexmig exec -- \(program)
                """)
    }

    /// Who follows the advice is not refused again.
    @Test(arguments: programs)
    func adviceIsTaken(line: String, program: String) throws {
        let launcher = try #require(ForeignLauncher(command: words(line)))
        let lines = launcher.advice(leaves: 4).split(separator: "\n").filter { $0.contains("flexmig run --leaves 4") }
        try #require(lines.count == 2)
        let commands = try lines.map { line in
            words(String(line[try #require(line.firstRange(of: " -- ")).upperBound...]))
        }
        #expect(ForeignLauncher(command: commands[0]) == nil)
        #expect(try #require(ForeignLauncher(command: commands[1])).usesExec)
    }

    @Test func wordsAreQuotedForTheShell() throws {
        let command = ["mpirun", "-n", "2", "./train", "--name", "two words", "it's", "$HOME", ""]
        let advice = try #require(ForeignLauncher(command: command)).advice(leaves: 2)
        #expect(advice.hasSuffix(#"flexmig exec -- ./train --name 'two words' 'it'\''s' '$HOME' ''"#))
    }
}
