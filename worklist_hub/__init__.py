"""The shared worklist as a UPS-RS origin server (PS3.18 chapter 11). It carries status, never images or reports."""
