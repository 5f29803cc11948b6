"""What may be asked of a workitem and what comes of it: pure, without database or HTTP."""
