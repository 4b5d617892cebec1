#include "redis/client/sentinel_watch.h"

#include <utility>

namespace starling::redis::client {

SentinelWatch::SentinelWatch(const Context& context, std::function<void(const Endpoint&)> found,
                             std::function<void(const std::string&)> failed)
    : context_(context),
      found_(std::move(found)),
      failed_(std::move(failed)),
      list_(context.options.url.endpoints, context.options.url.master_name),
      backoff_(context.options.reconnect_ms_min, context.options.reconnect_ms_max, 0.5),
      retry_(context.loop) {
    subscriptions_.add(Topic::channel, "+switch-master");
}

void SentinelWatch::ask() {
    asked_ = true;
    if (link_ && link_->is_ready())
        question();
    else if (!link_ && !retry_.is_set())
        connect();
}

void SentinelWatch::connect() {
    OpeningOptions opening;
    opening.user = context_.options.url.sentinel_user;
    opening.password = context_.options.url.sentinel_password;
    link_ =
        std::make_unique<Link>(context_, list_.current(), Session::Role::both, std::move(opening),
                               subscriptions_, static_cast<LinkEvents&>(*this));
}

void SentinelWatch::on_link_ready(Link&) {
    if (asked_) question();
    link_->send(list_.sentinels_command(), [this](const Answer& answer) {
        if (answer.value) list_.learn(*answer.value);
    });
}

void SentinelWatch::question() {
    link_->send(list_.master_command(), [this](const Answer& answer) {
        if (!answer.value) return;  // on_down() follows.
        const auto master = SentinelList::read_master(*answer.value);
        if (!master) {
            const std::string why = show(list_.current()) +
                                    ": the Sentinel does not know the master '" +
                                    context_.options.url.master_name + "'";
            // Not within the call of the link.
            return retry_.after(0, [this, why] {
                link_.reset();
                next(why);
            });
        }
        asked_ = false;
        list_.answered();
        backoff_.reset();
        found_(*master);
    });
}

void SentinelWatch::on_down(Link&, const std::string& why, bool) {
    link_.reset();
    next(why);
}

void SentinelWatch::next(const std::string& why) {
    const bool all = list_.next();
    retry_.stop();  // Its call would end the link to the next Sentinel.
    if (!all) return connect();
    if (asked_) failed_(why);
    retry_.after(backoff_.next_ms(random_share()), [this] { connect(); });
}

void SentinelWatch::on_message(const Message& message) {
    if (const auto master = list_.read_switch(message.payload)) found_(*master);
}

}  // namespace starling::redis::client
