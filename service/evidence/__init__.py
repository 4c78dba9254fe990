"""The phases FOLLOWING and SEALING: read an execution's log into facts until it is complete."""
