import NodeServer
