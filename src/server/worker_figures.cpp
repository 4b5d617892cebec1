#include "server/worker_figures.h"

#include <string>

#include "server/extension.h"
#include "server/figures.h"
#include "server/refused_handshakes.h"
#include "server/worker.h"

namespace starling::server {
namespace {

std::string close_label(size_t place) {
    if (place < 16) return label("code", std::to_string(1000 + place));
    return label("code", place == 16 ? "3xxx" : place == 17 ? "4xxx" : "other");
}

void add_connections(const Counters& counters, Figures& figures) {
    constexpr std::string_view name = "starling_connections",
                               help = "Open connections, by what they carry";
    const uint64_t open = counters.connections_open.get();
    const uint64_t websockets = counters.websockets_open.get();
    const uint64_t streams = counters.event_streams_open.get();
    const auto gauge = [&](std::string_view kind, uint64_t value) {
        figures.gauge(name, help, static_cast<double>(value), label("kind", kind));
    };
    gauge("websocket", websockets);
    gauge("sse", streams);
    gauge("http", open - std::min(open, websockets + streams));
    figures.counter("starling_connections_accepted_total", "Connections accepted",
                    counters.connections_accepted.get());
    figures.counter("starling_connections_refused_total",
                    "Connections refused because the server had connections_max",
                    counters.connections_refused.get());
    figures.counter("starling_connections_stalled_total",
                    "Connections reset because the peer acknowledged nothing",
                    counters.connections_stalled.get());
    figures.counter("starling_websockets_opened_total", "WebSockets opened",
                    counters.websockets_opened.get());
    figures.counter("starling_event_streams_opened_total", "Server-Sent Events streams opened",
                    counters.event_streams_opened.get());
    for (size_t i = 0; i < close_places; ++i)
        if (const uint64_t closes = counters.closes[i].get(); closes > 0)
            figures.counter("starling_websocket_closes_total", "WebSockets closed, by close code",
                            closes, close_label(i));
    add_refused_handshakes("websocket", counters.upgrades_refused, figures);
}

void add_messages(Worker& worker, Figures& figures) {
    const Counters& counters = worker.counters();
    constexpr std::string_view messages = "starling_messages_total",
                               messages_help =
                                   "Messages of WebSockets and event streams, by direction",
                               bytes = "starling_bytes_total",
                               bytes_help =
                                   "Bytes of all connections as the kernel moves them, by "
                                   "direction";
    const std::string in = label("direction", "in"), out = label("direction", "out");
    figures.counter(messages, messages_help, counters.messages_received.get(), in);
    figures.counter(messages, messages_help, counters.messages_sent.get(), out);
    const auto& traffic = worker.loop().backend().traffic();
    figures.counter(bytes, bytes_help, traffic.received_bytes, in);
    figures.counter(bytes, bytes_help, traffic.sent_bytes, out);
    figures.counter("starling_http_requests_total", "HTTP requests", counters.requests.get());
    const std::string topic = label("kind", "topic");
    figures.counter("starling_publications_total", publications_help,
                    worker.hub().traffic().publications, topic);
    figures.counter("starling_deliveries_total", deliveries_help, worker.hub().traffic().deliveries,
                    topic);
    figures.counter("starling_messages_dropped_total", drops_help, counters.messages_dropped.get(),
                    label("reason", "send_queue_full"));
    figures.counter("starling_messages_dropped_total", drops_help, worker.posted_dropped(),
                    label("reason", "worker_queue_full"));
    figures.counter("starling_protocol_errors_total", "Faults of peers in HTTP and WebSocket",
                    counters.protocol_errors.get());
    figures.counter("starling_handler_exceptions_total", "Exceptions of the application's handlers",
                    counters.handler_exceptions.get());
}

// What ServerOptions::limits and the rules for proxies have refused.
void add_limits(const Counters& counters, Figures& figures) {
    const auto limited = [&](std::string_view limit, const Counter& count) {
        figures.counter("starling_limited_total", "What a limit of rates refused, by limit",
                        count.get(), label("limit", limit));
    };
    limited("connections", counters.limited_connections);
    limited("connections_open", counters.limited_connections_open);
    limited("messages", counters.limited_messages);
    limited("joins", counters.limited_joins);
    limited("channel_publishes", counters.limited_channel_publishes);
    limited("key_publishes", counters.limited_key_publishes);
    figures.counter("starling_proxy_headers_refused_total",
                    "Connections closed for a wrong or missing PROXY header",
                    counters.proxy_headers_refused.get());
    figures.counter("starling_client_addresses_malformed_total",
                    "Requests of a trusted proxy whose fields name no client",
                    counters.client_addresses_malformed.get());
}

}  // namespace

void add_worker_figures(Worker& worker, Figures& figures) {
    const Counters& counters = worker.counters();
    add_connections(counters, figures);
    add_messages(worker, figures);
    add_limits(counters, figures);
    figures.counter("starling_accept_pauses_total",
                    "Times that accepting paused for lack of descriptors", worker.accept_pauses());
    const net::Loop& loop = worker.loop();
    figures.gauge("starling_send_queue_bytes", "Bytes that wait because the kernel takes no more",
                  static_cast<double>(loop.waiting_bytes()));
    const net::LoopFigures done = loop.figures();
    constexpr std::string_view handshakes = "starling_tls_handshakes_total",
                               handshakes_help = "TLS handshakes that ended, by result";
    figures.counter(handshakes, handshakes_help, done.tls_handshakes, label("result", "done"));
    figures.counter(handshakes, handshakes_help, done.tls_handshakes_failed,
                    label("result", "failed"));
    const std::string mine = label("worker", std::to_string(worker.index()));
    figures.counter("starling_loop_ticks_total", "Ticks of the loop", done.ticks, mine);
    figures.durations("starling_loop_tick_seconds",
                      "Duration of a tick of the loop, of one tick in 32", done.tick_time, mine);
    figures.gauge("starling_worker_connections", "Open connections of a worker",
                  static_cast<double>(counters.connections_open.get()), mine);
    figures.counter("starling_connections_given_total",
                    "Connections that a worker accepted for another one, which had fewer",
                    counters.connections_given.get(), mine);
}

void add_feature_figures(Worker& worker, Figures& figures) {
    for (Extension* const extension : worker.group().extensions)
        extension->add_figures(worker, figures);
}

}  // namespace starling::server
