#include "load/socketio_polling.h"

namespace starling::load {

SocketIoPolling::SocketIoPolling(const Plan& plan, const Places& places, Shared& shared,
                                 uint32_t number)
    : Worker(plan, places, shared, number),
      text_(places.server.upgrade, plan.event, std::string(plan.payload_bytes, 'x')) {
    target().request.clear();  // Nothing is upgraded.
}

void SocketIoPolling::ready(Link& link) {
    auto& client = static_cast<Client&>(link);
    client.responses.clear();
    client.session.begin(text_);
    request(client);
}

void SocketIoPolling::begin(uint64_t /*now*/) {
    sending_ = true;
    for (const auto& link : links()) {
        if (!link->ready) continue;
        auto& client = static_cast<Client&>(*link);
        client.session.next();
        request(client);
    }
}

Worker::Pause SocketIoPolling::rest() {
    sending_ = false;
    return {.wait_ns = 10'000'000};
}

void SocketIoPolling::request(Client& client) {
    client.sent_ns = now_ns();
    client.waits = true;
    client.counted = client.ready;
    if (client.counted) ++under_way_;
    engine().send(client, client.session.request());
}

void SocketIoPolling::on_bytes(Link& link, std::span<std::byte> bytes) {
    auto& client = static_cast<Client&>(link);
    const std::string_view wrong = client.responses.read(
        bytes, [&](const Response& response) { return answered(client, response); });
    if (!wrong.empty()) fail(client, Fault::Kind::bad_answer, 0, std::string(wrong));
}

bool SocketIoPolling::answered(Client& client, const Response& response) {
    if (!client.waits) {
        fail(client, Fault::Kind::bad_answer, 0, "a response was not asked for");
        return false;
    }
    client.waits = false;
    if (client.counted) --under_way_;
    const PollingSession::Told told = client.session.take(response);
    if (told == PollingSession::Told::fault) {
        const Fault& fault = client.session.fault();
        fail(client, fault.kind, fault.code, fault.text);
        return false;
    }
    if (client.counted) {
        if (measuring()) latency().record(engine().now() - client.sent_ns);
        count(1);
    }
    if (told == PollingSession::Told::joined) {
        became_ready(client);
        if (!sending_) return true;  // begin() sends the first event.
    }
    if (told != PollingSession::Told::request) {
        if (!sending_) return true;
        client.session.next();
    }
    request(client);
    return true;
}

void SocketIoPolling::lost(Link& link) {
    auto& client = static_cast<Client&>(link);
    if (client.waits && client.counted) --under_way_;
    client.waits = client.counted = false;
}

}  // namespace starling::load
