import ArgumentParser

/// The version of this program, its library and its formats.
public let flexmigVersion = "0.1.0"

struct FlexmigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flexmig",
        abstract: "Run jobs on as many small MIG instances (leaves) as they need.",
        discussion: """
            A node's GPUs are cut once into small leaves; a job gets any number of them, one process (rank) per leaf.

            EXAMPLES
              flexmig node list --simulate a100-40gb:2
              flexmig node flatten --layout thin --simulate a100-40gb:2
              flexmig run --leaves 4 --simulate a100-40gb:2 -- ./train --epochs 3
              flexmig doctor -- python train.py
              flexmig measure -- python train.py
              flexmig simulate --generate bimodal --gpus a100-40gb:8

            ENVIRONMENT
              FLEXMIG_SIMULATE         as --simulate
              FLEXMIG_NODE_DIRECTORY   as --node-directory
              FLEXMIG_CONFIG           configuration file (default: first of
                                       ~/.config/flexmig/config.yaml and
                                       /etc/flexmig/config.yaml)
              FLEXMIG_NVML_LIBRARY     NVML library to load (default libnvidia-ml.so.1)
              FLEXMIG_LAYOUT_FILE      what node apply --at-boot restores (default
                                       /etc/flexmig/layout.yaml)
              FLEXMIG_STATE_DIRECTORY  where leases are kept on hardware (default
                                       /run/flexmig)
              FLEXMIG_RUNTIME          as --runtime of run and exec
              FLEXMIG_PLUGIN           our NCCL plugin (default beside flexmig, or in
                                       ../lib)
              FLEXMIG_PYTHON           folder with our Python package flexmig
              FLEXMIG_DEBUG            info tells why a runtime was chosen

            EXIT CODES
              0     done
              1     node verify: the node is not as wanted
              64    wrong arguments
              65    a file that was given can't be used
              69    no driver, no node, or no leaves that could ever do
              70    internal failure
              71    a rank could not be started
              74    the output can't be written
              75    not now: leaves are held
              77    not permitted
              124   time limit
              126   command not executable
              127   command not found
              128+N ended by signal N
              else  the exit code of the first rank that failed
            """,
        version: flexmigVersion,
        subcommands: [
            NodeCommand.self, RunCommand.self, ExecCommand.self, CDICommand.self, DoctorCommand.self,
            MeasureCommand.self, TraceCommand.self, SimulateCommand.self, AdviseCommand.self, BenchCommand.self,
            SelfTestCommand.self,
        ])
}
