import Glibc

/// Ends the process without running deinitializers.
func abruptExit(code: CInt = 0) -> Never { _exit(code) }
