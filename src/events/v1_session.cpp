#include "events/v1_session.h"

#include <utility>

namespace starling::events::v1 {

void Session::on_text(std::string_view text) {
    const Parsed parsed = parse(text, limits_.info_bytes_max);
    const Problem problem = parsed.problem ? parsed.problem : handle(parsed.request);
    if (problem) host_.send(error(parsed.request.id, parsed.request.channel, problem));
}

Problem Session::handle(const Request& request) {
    switch (request.type) {
        case RequestType::subscribe: return subscribe(request);
        case RequestType::unsubscribe: return unsubscribe(request);
        case RequestType::publish:
            if (request.data.size() > limits_.data_bytes_max)
                return {code::too_large, "'data' is larger than " +
                                             std::to_string(limits_.data_bytes_max) + " bytes"};
            return host_.publish(request);
        case RequestType::presence: return host_.presence(request);
        case RequestType::history: return host_.history(request);
        case RequestType::login: return host_.login(request);
    }
    return {};
}

Problem Session::subscribe(const Request& request) {
    if (subscriptions_.contains(request.channel))
        return {code::conflict, "already subscribed to this channel"};
    if (subscriptions_.size() >= limits_.subscriptions_max)
        return {code::too_many, "more than " + std::to_string(limits_.subscriptions_max) +
                                    " channels on one connection"};
    const uint64_t attempt = ++attempts_;
    subscriptions_.emplace(request.channel, Subscription{attempt, request.id});
    host_.subscribe(request, attempt);
    return {};
}

Problem Session::unsubscribe(const Request& request) {
    const auto found = subscriptions_.find(request.channel);
    if (found == subscriptions_.end()) return {code::not_found, "not subscribed to this channel"};
    subscriptions_.erase(found);
    host_.unsubscribe(request.channel);
    if (!request.id.empty()) host_.send(ack(request.id, request.channel));
    return {};
}

Session::Subscriptions::iterator Session::waiting(std::string_view channel, uint64_t attempt) {
    const auto found = subscriptions_.find(channel);
    const bool waits = found != subscriptions_.end() && found->second.attempt == attempt &&
                       !found->second.subscribed;
    return waits ? found : subscriptions_.end();
}

bool Session::subscribed(std::string_view channel, uint64_t attempt, const Subscribed& how) {
    const auto found = waiting(channel, attempt);
    if (found == subscriptions_.end()) return false;
    found->second.subscribed = true;
    host_.send(v1::subscribed(std::exchange(found->second.id, {}), channel, how));
    return true;
}

void Session::refused(std::string_view channel, uint64_t attempt, const Problem& why) {
    const auto found = waiting(channel, attempt);
    if (found == subscriptions_.end()) return;
    const std::string id = std::move(found->second.id);
    subscriptions_.erase(found);
    host_.send(error(id, channel, why));
}

void Session::ended(std::string_view channel, const Problem& why) {
    const auto found = subscriptions_.find(channel);
    if (found == subscriptions_.end()) return;
    subscriptions_.erase(found);
    host_.send(unsubscribed(channel, why));
}

}  // namespace starling::events::v1
