"""What a reader sees of the viewer: widgets, overlays and the table of actions. Embed `viewer_widget.ViewerWidget`."""
