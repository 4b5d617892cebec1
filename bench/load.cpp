// bench/load.cpp: the load generator of the repository's own benchmarks. What a user may want to measure
// is `starling bench`; both are src/load. Here are its private options, and loads that only these
// benchmarks need. It reads the server's CPU time from /proc around the measured part and prints one
// line of JSON.
//
//   load echo      --port P --server-pid N --connections 50 --in-flight 1 --payload 64
//   load raw       the same bytes without handshake, for a server that returns what it gets
//   load handshake --connections 50 --close fin|reset
//   load idle          --connections 15000; holds them until a line on standard input
//   load socketio-idle --connections 10000; the same
//   load control-send   --path /ws --connections 50 --in-flight 50 --kind json
//   load control-users  --path /ws --connections 5000 --in-flight 1 --kind json --named yes
//   load control-list   --path /ws --connections 19000 --pinging 1000 --rate 10000
//
// Common: --seconds 2 --warmup 0.5 --kind text|binary|json --named yes --sources 64 (addresses 127.0.0.x).
#include "load_control.h"
#include "load_control_list.h"
#include "load_idle.h"
#include "load_plan.h"

int main(int argc, char** argv) {
    using namespace starling::bench;
    const Options options = parse_options(argc, argv);
    raise_descriptor_limit();
    if (options.mode == "echo" || options.mode == "raw" || options.mode == "handshake")
        run_plan(options);
    else if (options.mode == "idle" || options.mode == "socketio-idle")
        IdleLoad(options).run();
    else if (options.mode == "control-list")
        ControlListLoad(options).run();
    else if (options.mode == "control-send" || options.mode == "control-users")
        ControlLoad(options).run();
    else
        fail("unknown mode: " + options.mode);
    return 0;
}
