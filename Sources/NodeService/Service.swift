import NodeAPI
