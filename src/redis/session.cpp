#include "redis/session.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "redis/command.h"
#include "redis/errors.h"

namespace starling::redis {
namespace {

constexpr std::string_view subscribe_names[] = {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"};
constexpr std::string_view unsubscribe_names[] = {"UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"};

struct PushRow {
    std::string_view name;
    Topic topic;
    enum class What : uint8_t { message, subscribed, unsubscribed } what;
};
using What = PushRow::What;
constexpr PushRow push_rows[] = {
    {"message", Topic::channel, What::message},
    {"pmessage", Topic::pattern, What::message},
    {"smessage", Topic::shard, What::message},
    {"subscribe", Topic::channel, What::subscribed},
    {"psubscribe", Topic::pattern, What::subscribed},
    {"ssubscribe", Topic::shard, What::subscribed},
    {"unsubscribe", Topic::channel, What::unsubscribed},
    {"punsubscribe", Topic::pattern, What::unsubscribed},
    {"sunsubscribe", Topic::shard, What::unsubscribed},
};

const PushRow* push_row(const Value& value) noexcept {
    const std::string_view name = (*value.begin()).text();
    for (const PushRow& row : push_rows)
        if (row.name == name) return &row;
    return nullptr;
}

}  // namespace

bool Subscriptions::remove(Topic topic, std::string_view name) {
    Names& names = of(topic);
    const auto found = names.find(name);
    if (found == names.end()) return false;
    names.erase(found);
    return true;
}

bool Subscriptions::is_empty() const noexcept {
    return std::ranges::all_of(names_, [](const Names& names) { return names.empty(); });
}

void Subscriptions::forget_confirmations() noexcept {
    for (Names& names : names_)
        for (auto& [name, confirmed] : names) confirmed = false;
}

Session::Session(Role role, OpeningOptions options, const SessionLimits& limits,
                 Subscriptions& subscriptions, SessionEvents& events)
    : role_(role),
      limits_(limits),
      subscriptions_(subscriptions),
      events_(events),
      opening_(std::move(options)),
      reader_(limits.reader) {}

void Session::start() { on_step(opening_.start()); }

void Session::on_waited() {
    waits_ = false;
    if (state_ == State::opening) on_step(opening_.on_waited());
}

void Session::on_step(Opening::Step step) {
    switch (step) {
        case Opening::Step::send: output_ += opening_.commands(); break;
        case Opening::Step::more: break;
        case Opening::Step::wait: waits_ = true; break;
        case Opening::Step::ready: open(); break;
        case Opening::Step::failed: fail(opening_.error()); break;
    }
}

void Session::open() {
    state_ = State::open;
    if (can_subscribe()) {
        subscriptions_.forget_confirmations();
        for (const Topic topic : {Topic::channel, Topic::pattern, Topic::shard}) {
            std::vector<std::string> names;
            for (const auto& [name, confirmed] : subscriptions_.of(topic)) names.push_back(name);
            restore(topic, std::move(names));
        }
    }
    if (restoring_ == 0) events_.on_ready();
}

void Session::restore(Topic topic, std::vector<std::string> names) {
    // Channels of two slots in one SSUBSCRIBE are an error.
    const size_t at_once = topic == Topic::shard ? 1 : names_max;
    for (size_t at = 0; at < names.size(); at += at_once) {
        const auto begin = names.begin() + static_cast<ptrdiff_t>(at);
        const auto end = begin + static_cast<ptrdiff_t>(std::min(at_once, names.size() - at));
        change(topic, false, {std::move_iterator(begin), std::move_iterator(end)}, true);
    }
}

void Session::change(Topic topic, bool leaves, std::vector<std::string> names, bool restores) {
    const size_t before = output_.size();
    const auto index = static_cast<size_t>(topic);
    append_count(output_, names.size() + 1);
    append_argument(output_, (leaves ? unsubscribe_names : subscribe_names)[index]);
    for (const std::string& name : names) append_argument(output_, name);
    Pending pending;
    pending.bytes = static_cast<uint32_t>(output_.size() - before);
    pending.left = static_cast<uint32_t>(names.size());
    pending.names = std::move(names);
    pending.topic = topic;
    pending.leaves = leaves;
    pending.restores = restores;
    pending_bytes_ += pending.bytes;
    restoring_ += restores;
    pending_.push_back(std::move(pending));
}

void Session::subscribe(Topic topic, std::string_view name) {
    STARLING_ASSERT(is_open() && can_subscribe());
    change(topic, false, {std::string(name)}, false);
}

void Session::unsubscribe(Topic topic, std::string_view name) {
    STARLING_ASSERT(is_open() && can_subscribe());
    change(topic, true, {std::string(name)}, false);
}

void Session::send(std::string_view encoded, Done done) {
    STARLING_ASSERT(is_open() && role_ == Role::both);
    Pending pending;
    pending.done = std::move(done);
    pending.bytes = static_cast<uint32_t>(encoded.size());
    // Without memory it is all or nothing: each command has its answer.
    output_.reserve(output_.size() + encoded.size());
    pending_.push_back(std::move(pending));
    output_ += encoded;
    pending_bytes_ += pending_.back().bytes;
}

bool Session::fail(std::string_view why) {
    if (state_ != State::failed) error_ = why;
    state_ = State::failed;
    return false;
}

bool Session::leave(std::string_view why) {
    if (pending_.empty()) return fail(why);
    if (state_ == State::open) error_ = why;
    state_ = State::leaving;
    return true;
}

bool Session::on_bytes(std::span<const std::byte>& input) {
    heard_ = true;
    while (state_ != State::failed) {
        switch (reader_.next(input)) {
            case Reader::Step::need_more: return true;
            case Reader::Step::violation:
                return fail("the server does not speak the protocol of Redis: " +
                            std::string(reader_.fault()));
            case Reader::Step::reply: break;
        }
        const Value reply = reader_.reply();
        const bool pushed =
            reply.kind() == Kind::push || (role_ == Role::subscriber && reply.is_array() &&
                                           reply.size() > 0 && push_row(reply) != nullptr);
        if (!(pushed ? on_push(reply) : on_reply(reply))) return false;
    }
    return false;
}

bool Session::on_reply(const Value& reply) {
    if (state_ == State::opening) {
        if (waits_) return fail("the server sent a reply to no command");
        on_step(opening_.on_reply(reply));
        return state_ != State::failed;
    }
    if (pending_.empty()) return fail("the server sent a reply to no command");
    Pending pending = take_front();
    const std::string_view error = reply.is_error() ? reply.text() : std::string_view();
    if (!pending.names.empty()) {
        if (error.empty()) return fail("the server answered a subscription with a reply");
        refused(std::move(pending), error);
    } else {
        if (pending.done)
            pending.done({&reply, error});
        else
            silent_errors_ += !error.empty();
    }
    const Reaction what = error.empty() ? Reaction::tell : reaction(error_kind(error));
    if (state_ == State::leaving) return pending_.empty() ? fail(error_) : true;
    if (what == Reaction::reconnect || what == Reaction::stop) return leave(error);
    return state_ != State::failed;
}

bool Session::on_push(const Value& push) {
    const PushRow* const row = push_row(push);
    if (!row) return true;  // Of client-side caching, or of a later version.
    const uint32_t texts = row->topic == Topic::pattern && row->what == What::message ? 4 : 3;
    if (push.size() < texts) return fail("a push of the server is too short");
    auto at = push.begin();
    const Value first = *++at, second = *++at;
    if (row->what != What::message) {
        confirm(row->topic, row->what == What::unsubscribed, first.text());
        return state_ != State::failed;
    }
    Message message{row->topic, {}, first.text(), second.text(), second.is_null()};
    if (texts == 4) {
        const Value third = *++at;
        message = {row->topic, first.text(), second.text(), third.text(), third.is_null()};
    }
    // What is still on its way after unsubscribe() concerns nobody.
    const std::string_view name = texts == 4 ? message.pattern : message.channel;
    if (subscriptions_.has(row->topic, name)) events_.on_message(message);
    return state_ != State::failed;
}

void Session::confirm(Topic topic, bool leaves, std::string_view name) {
    const bool asked = !pending_.empty() && pending_.front().left > 0 &&
                       pending_.front().topic == topic && pending_.front().leaves == leaves &&
                       std::find(pending_.front().names.begin(), pending_.front().names.end(),
                                 name) != pending_.front().names.end();
    if (asked) {
        if (!leaves) {
            auto& names = subscriptions_.of(topic);
            if (const auto found = names.find(name); found != names.end()) found->second = true;
        }
        if (--pending_.front().left > 0) return;
        const Pending done = take_front();
        if (done.restores) restored();
    } else if (leaves && topic == Topic::shard && subscriptions_.has(topic, name)) {
        subscriptions_.of(topic).find(name)->second = false;
        events_.on_lost(name);
    }
}

// One name may have caused the error of all: each is tried by itself.
void Session::refused(Pending pending, std::string_view error) {
    if (pending.leaves) return;
    if (pending.names.size() > 1) {
        for (std::string& name : pending.names)
            change(pending.topic, false, {std::move(name)}, pending.restores);
        if (pending.restores) restored();
        return;
    }
    if (subscriptions_.has(pending.topic, pending.names[0]))
        events_.on_refused(pending.topic, pending.names[0], error);
    if (pending.restores) restored();
}

void Session::restored() {
    if (--restoring_ == 0 && state_ == State::open) events_.on_ready();
}

Session::Pending Session::take_front() {
    Pending front = std::move(pending_.front());
    pending_.pop_front();
    pending_bytes_ -= front.bytes;
    return front;
}

bool Session::on_period() {
    const bool heard = std::exchange(heard_, false);
    const bool due = state_ == State::opening ? !waits_ : !pending_.empty();
    silent_periods_ = due && !heard ? silent_periods_ + 1 : 0;
    idle_periods_ = due || heard ? 0 : idle_periods_ + 1;
    if (due) return silent_periods_ < limits_.silent_periods_max;
    if (idle_periods_ < limits_.idle_periods_max || state_ != State::open) return true;
    idle_periods_ = 0;
    const std::string ping = command({"PING"});
    output_ += ping;
    Pending pending;
    pending.bytes = static_cast<uint32_t>(ping.size());
    pending_bytes_ += pending.bytes;
    pending_.push_back(std::move(pending));
    return true;
}

void Session::cut(std::string_view why) {
    const std::string text(why);
    fail(text);
    while (!pending_.empty()) {
        const Pending pending = take_front();
        if (pending.done) pending.done({nullptr, text});
    }
}

}  // namespace starling::redis
