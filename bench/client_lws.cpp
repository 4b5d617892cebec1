// bench/client_lws.cpp: libwebsockets as one of the clients of bench/clients.py, without extensions. It is
// built where libwebsockets is found. `echo` and `idle`; the arguments are in client_run.h.
#include <libwebsockets.h>

#include <array>
#include <cstring>
#include <vector>

#include "client_run.h"

namespace {

using starling::bench::ClientRun;

struct Bench {
    const ClientRun& run;
    starling::bench::ClientUsage usage = {};
    lws_context* context = nullptr;
    uint64_t done = 0;
    int begun = 0;
    bool over = false, failed = false;

    void next() {
        if (begun >= run.connections) return;
        ++begun;
        lws_client_connect_info info{};
        info.context = context;
        info.address = info.host = info.origin = "127.0.0.1";
        info.port = run.port;
        info.path = "/";
        if (!lws_client_connect_via_info(&info)) failed = true;
    }
    void begin() {
        usage.begin(done);
        for (uint64_t i = 0; i < starling::bench::at_once_max; ++i) next();
    }
    void on_idle() {
        const auto step = starling::bench::idle_step(run, done);
        if (step == starling::bench::IdleStep::begin) return begin();
        if (step == starling::bench::IdleStep::end) over = true;
        if (done > starling::bench::at_once_max) next();
    }
};

struct Session {
    int owed;
};

int on_event(lws* socket, lws_callback_reasons reason, void* user, void* data, size_t size) {
    if (reason != LWS_CALLBACK_CLIENT_ESTABLISHED && reason != LWS_CALLBACK_CLIENT_RECEIVE &&
        reason != LWS_CALLBACK_CLIENT_WRITEABLE && reason != LWS_CALLBACK_CLIENT_CONNECTION_ERROR)
        return 0;
    auto& bench = *static_cast<Bench*>(lws_context_user(lws_get_context(socket)));
    auto* const session = static_cast<Session*>(user);
    switch (reason) {
        case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
            std::fprintf(stderr, "%s\n", data ? static_cast<const char*>(data) : "no connection");
            bench.failed = true;
            break;
        case LWS_CALLBACK_CLIENT_ESTABLISHED:
            session->owed = bench.run.is("idle") ? 1 : bench.run.in_flight;
            lws_callback_on_writable(socket);
            break;
        case LWS_CALLBACK_CLIENT_RECEIVE:
            if (!lws_is_final_fragment(socket) || lws_remaining_packet_payload(socket) != 0) break;
            ++bench.done;
            if (bench.run.is("echo")) {
                ++session->owed;
                lws_callback_on_writable(socket);
            } else {
                bench.on_idle();
            }
            break;
        default: {
            std::array<unsigned char, LWS_PRE + 128> buffer;
            while (session->owed > 0 && !lws_send_pipe_choked(socket)) {
                std::memcpy(buffer.data() + LWS_PRE, bench.run.payload.data(),
                            bench.run.payload.size());
                if (lws_write(socket, buffer.data() + LWS_PRE, bench.run.payload.size(),
                              LWS_WRITE_TEXT) < 0)
                    return -1;
                --session->owed;
            }
            if (session->owed > 0) lws_callback_on_writable(socket);
        }
    }
    (void)size;
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    using namespace starling::bench;
    const ClientRun run = client_run(count, arguments);
    if (run.is("storm")) return 2;
    lws_set_log_level(LLL_ERR, nullptr);
    lws_protocols protocols[2]{};
    protocols[0].name = "bench";
    protocols[0].callback = on_event;
    protocols[0].per_session_data_size = sizeof(Session);
    protocols[0].rx_buffer_size = 4096;
    Bench bench{.run = run};
    lws_context_creation_info info{};
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols;
    info.user = &bench;
    info.fd_limit_per_thread = static_cast<unsigned>(run.connections + 32);
    bench.context = lws_create_context(&info);
    if (!bench.context) return 1;
    bench.begin();
    const double begun = clock_seconds(CLOCK_MONOTONIC);
    bool measuring = false;
    while (!bench.failed && !bench.over) {
        lws_service(bench.context, 0);
        const double passed = clock_seconds(CLOCK_MONOTONIC) - begun;
        if (run.is("idle")) continue;
        if (!measuring && passed > warmup_seconds) {
            measuring = true;
            bench.usage.begin(bench.done);
        } else {
            bench.over = passed > warmup_seconds + run.seconds;
        }
    }
    if (bench.failed) return 1;
    bench.usage.print(bench.done, run.is("idle") ? bench.done - at_once_max : 0);
    std::fflush(stdout);
    std::_Exit(0);  // Without closing each connection, as the others.
}
