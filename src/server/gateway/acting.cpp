// server/gateway/acting.cpp: the actions of an application's answers, carried out in their order.
#include <array>
#include <memory>
#include <utility>
#include <variant>

#include "base/text.h"
#include "server/gateway/nodes.h"
#include "server/gateway/outgoing.h"
#include "server/gateway/part.h"

namespace starling::server {
namespace {

bool has_actions(std::string_view content_type) noexcept {
    const std::string_view type = base::trim(content_type.substr(0, content_type.find(';')));
    return base::iequals(type, webhook::actions_media_type);
}

void send_to(GatewayClient& client, const webhook::Payload& payload) {
    client.route.part.gateway.log().sent(client, payload);
    Outgoing message(payload);
    client.send(message);
}

// False: the client owes too many acknowledgements.
bool emit_to(GatewayClient& client, const webhook::EmitRequest& request) {
    client.route.part.gateway.log().emitted(client, request.event);
    Outgoing message(request.event, request.ack_id);
    client.send(message);
    return message.taken() != 0 || !request.ack_id;
}

}  // namespace

webhook::Actions GatewayPart::read_answer(const GatewayClient& client, const fetch::Answer& answer,
                                          bool admission) {
    if (!has_actions(answer.content_type)) {
        // The usual mistake of a new application, which would see nothing happen.
        if (!gateway.olares() && base::trim(answer.body).starts_with(R"({"actions")"))
            refuse_actions(client, "Content-Type: " + std::string(webhook::actions_media_type) +
                                       " is wanted, and it is '" +
                                       std::string(answer.content_type.substr(0, 64)) + "'");
        return {};
    }
    if (!answer.cut) return webhook::read_actions(answer.body, admission);
    refuse_actions(client, "the answer is longer than 64 KiB, or has no end");
    return {};
}

void GatewayPart::perform_all(GatewayClient& client, webhook::Actions actions) {
    for (webhook::ActionRequest& action : actions.list) {
        perform(client, action);
        gateway.counters().actions_done.fetch_add(1, std::memory_order_relaxed);
    }
    if (!actions.problem.empty()) refuse_actions(client, actions.problem);
}

void GatewayPart::perform(GatewayClient& client, webhook::ActionRequest& action) {
    struct Visitor {
        GatewayPart& part;
        GatewayClient& client;
        void operator()(webhook::SendRequest& request) const {
            if (request.to.given()) return part.spread(std::move(request));
            if (client.is_open()) send_to(client, request.payload);
        }
        void operator()(webhook::EmitRequest& request) const {
            if (request.to.given()) return part.spread(std::move(request));
            if (client.is_open() && !emit_to(client, request) && client.is_open())
                part.refuse_actions(client,
                                    "emit: the client is gone, or owes 1000 acknowledgements");
        }
        void operator()(const webhook::AckRequest& request) const {
            if (!client.is_open()) return;
            part.gateway.log().acked(client, request);
            client.ack(request.ack_id, request.args);
        }
        void operator()(const webhook::Join& join) const {
            if (client.is_open()) part.join(client, join.topics);
        }
        void operator()(const webhook::Leave& leave) const {
            if (client.is_open()) part.leave(client, leave.topics);
        }
        void operator()(webhook::PublishRequest& request) const { part.spread(std::move(request)); }
        void operator()(webhook::CloseRequest& request) const {
            if (request.of.given()) return part.spread(std::move(request));
            if (!client.is_open()) return;
            part.gateway.log().closing(client, request);
            client.close(request.code, request.reason);
        }
    };
    std::visit(Visitor{*this, client}, action);
}

void GatewayPart::join(GatewayClient& client, const std::vector<std::string>& topics) {
    for (const std::string& topic : topics) {
        if (client.join(topic))
            gateway.log().joined(client, topic);
        else if (client.is_open())
            refuse_actions(client,
                           "join: a client may be in 1000 topics at most, and in rooms_max of its "
                           "namespace");
    }
}

void GatewayPart::leave(GatewayClient& client, const std::vector<std::string>& topics) {
    for (const std::string& topic : topics)
        if (client.leave(topic)) gateway.log().left(client, topic);
}

// Without a callback: no answer depends on the result.
void GatewayPart::spread(ControlRequest request) {
    spread_everywhere(gateway, *this, std::move(request), nullptr);
}

void GatewayPart::refuse_actions(const GatewayClient& client, std::string_view problem) {
    gateway.counters().actions_refused.fetch_add(1, std::memory_order_relaxed);
    if (!may_log(refusals_)) return;
    const std::array<log::Field, 4> fields{
        {{"application", std::string_view(client.route.site.options.application)},
         {"conn_id", client.fields.conn_id()},
         {"problem", problem},
         {"count", static_cast<int64_t>(std::exchange(refusals_.count, 0))}}};
    worker.log(log::Level::warn, "gateway: an answer's actions are malformed", fields);
}

}  // namespace starling::server
