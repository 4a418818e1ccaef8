"""The contract between the process that moves frames and the one that keeps money and memory. Pure."""
