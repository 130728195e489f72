import Launcher

Supervisor.main()
