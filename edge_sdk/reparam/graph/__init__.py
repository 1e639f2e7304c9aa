"""Any model as a graph, and the linear regions in it that become one layer."""
