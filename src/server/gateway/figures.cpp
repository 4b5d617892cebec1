// The part of Gateway that reports its figures.
#include "server/figures.h"

#include <string>

#include "server/gateway/part.h"
#include "server/gateway/sio_client.h"

namespace starling::server {

void Gateway::add_figures(Figures& figures) const {
    for (const auto& [route, clients] : socketio_) clients->add_figures(figures);
    const gateway::Stats now = stats();
    figures.gauge("starling_gateway_connections", "Clients of the gateway",
                  static_cast<double>(now.connections_open));
    figures.gauge("starling_webhook_queue_bytes", "Webhooks that wait for the application",
                  static_cast<double>(now.queued_bytes));
    figures.counter("starling_webhooks_delivered_total", "Webhooks answered with 2xx",
                    now.webhooks_delivered);
    figures.counter("starling_webhooks_retried_total", "Tries of a webhook after its first one",
                    now.webhooks_retried);
    figures.counter("starling_webhooks_given_up_total", "Webhooks that were given up",
                    now.webhooks_given_up);
    figures.counter("starling_messages_dropped_total", drops_help, now.closes_dropped,
                    label("reason", "webhook_queue_full"));
    constexpr std::string_view actions = "starling_gateway_actions_total",
                               actions_help = "Actions in answers to webhooks, by result";
    figures.counter(actions, actions_help, now.actions_done, label("result", "done"));
    figures.counter(actions, actions_help, now.actions_refused, label("result", "refused"));
}

void Gateway::add_figures(Worker& worker, Figures& figures) {
    for (const auto& [route, clients] : socketio_) clients->add_figures(worker, figures);
    const GatewayPart& mine = part(worker);
    figures.durations("starling_webhook_duration_seconds",
                      "Time from the start of a webhook to its answer or failure",
                      mine.webhook_time());
    figures.gauge("starling_webhooks_in_flight", "Webhooks whose answer is awaited",
                  static_cast<double>(mine.in_flight()));
}

void Gateway::each_room(Worker& worker, const std::function<void(const RoomFacts&)>& call) {
    for (const auto& [route, clients] : socketio_) clients->each_room(worker, call);
}

}  // namespace starling::server
