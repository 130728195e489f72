import Commands

runFlexmig()
