"""GStreamer's RTSP server, run by the system's own Python, which has its bindings.

    /usr/bin/python3 gst_rtsp_server.py PORT FPS NAME=FILE ...

Serves each H.264 byte stream at rtsp://127.0.0.1:PORT/NAME, to every viewer from its beginning and in
real time; at its end the viewer is sent away. The first line of output tells the port.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402  (a version is asked for first)

# Read as a pipe, without a length: a camera declares none.
_LAUNCH = (
    "( multifilesrc location={file} stop-index=0"
    " caps=video/x-h264,stream-format=byte-stream,framerate={fps}/1"
    " ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)


def main() -> None:
    """Serve until killed."""
    port, fps, *clips = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(port)
    for clip in clips:
        name, _, file = clip.partition("=")
        factory = GstRtspServer.RTSPMediaFactory.new()
        factory.set_launch(_LAUNCH.format(file=file, fps=fps))
        server.get_mount_points().add_factory(f"/{name}", factory)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
