#include "server/cluster/part.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "cluster/names.h"
#include "redis/slots.h"
#include "server/cluster/messages.h"
#include "server/cluster/node_ids.h"

namespace starling::server {
namespace {

constexpr uint64_t figures_interval_ms = 50;  // How old the figures of another thread may be.

cluster::NodeOptions node_options(const ClusterSettings& settings) {
    cluster::NodeOptions options = settings.node;
    options.uid = random_uid(options.dialect.adapter);
    options.table_seed = random_seed();
    return options;
}

std::string_view mode_name(const ClusterSettings& settings) noexcept {
    switch (settings.node.dialect.adapter) {
        case cluster::Adapter::classic: return "classic";
        case cluster::Adapter::sharded: return "sharded";
        case cluster::Adapter::streams: break;
    }
    return settings.append_once ? "native, stream of Socket.IO" : "streams";
}

redis::Topic topic_of(cluster::Medium medium) noexcept {
    switch (medium) {
        case cluster::Medium::channel: return redis::Topic::channel;
        case cluster::Medium::pattern: return redis::Topic::pattern;
        case cluster::Medium::shard: break;
    }
    return redis::Topic::shard;
}

cluster::Medium medium_of(redis::Topic topic) noexcept {
    switch (topic) {
        case redis::Topic::channel: return cluster::Medium::channel;
        case redis::Topic::pattern: return cluster::Medium::pattern;
        case redis::Topic::shard: break;
    }
    return cluster::Medium::shard;
}

}  // namespace

ClusterPart::ClusterPart(const ClusterSettings& settings, Worker& worker, socketio::Server& core,
                         ClusterFigures& figures, PeersLink* peers)
    : settings_(settings),
      peers_(peers),
      worker_(worker),
      adapter_(core.adapter()),
      figures_(figures),
      reports_(worker, "cluster", "socketio"),
      outage_(worker, std::string(mode_name(settings)),
              [this] {
                  return ClusterLosses{dropped(), figures_.gaps.load(std::memory_order_relaxed), 0};
              }),
      responder_(worker, core, settings.node.request_timeout_ms),
      again_(worker.loop()),
      resolver_(net::make_system_resolver(worker.loop())),
      node_(std::make_unique<cluster::Node>(node_options(settings), static_cast<Bus&>(*this),
                                            static_cast<Host&>(*this))),
      script_hash_(base::sha1_hex(cluster::append_script())) {
    auto made = redis::client::Client::make(worker.loop(), *resolver_, settings.redis, *this);
    if (!made) throw std::runtime_error("cluster: " + made.error());
    client_ = *std::move(made);
    const auto& dialect = settings.node.dialect;
    if (dialect.adapter == cluster::Adapter::streams)
        reader_ =
            std::make_unique<StreamReader>(worker.loop(), *resolver_, settings.redis,
                                           cluster::stream_names(dialect.stream, dialect.streams),
                                           static_cast<StreamEvents&>(*this));
    if (settings.append_once)
        appends_ = std::make_unique<cluster::Appends>(
            [this](uint64_t number, uint64_t first, const cluster::Sending& sending) {
                append(number, first, sending);
            },
            settings.node.outbox.bytes_max);
    if (adapter_.recovery())
        recovery_ = std::make_unique<StreamRecovery>(settings, worker, adapter_, *client_, repeats_,
                                                     figures);
    adapter_.each_static([this](const std::string& name, auto&) { node_->open(name); });
    if (peers_) peers_->begin(*client_);
}

ClusterPart::~ClusterPart() = default;

// The end of the client answers each command under way, and these answers ask all the others.
void ClusterPart::loop_ended() noexcept {
    if (node_ && client_) outage_.end(node_->stats().waiting + under_way_);
    order_.clear();
    again_.stop();
    appends_.reset();
    if (peers_) peers_->end();
    client_.reset();
    recovery_.reset();
    reader_.reset();
    for (net::TimerId* const timer : {&timer_, &figures_timer_}) {
        if (*timer) worker_.loop().cancel_timer(*timer);
        *timer = 0;
    }
    node_.reset();
    resolver_.reset();
}

// At a stop, what the last connections caused is still to be sent, such as "ann has left".
bool ClusterPart::needs_loop() noexcept {
    return client_ && figures_.connected.load(std::memory_order_relaxed) &&
           (under_way_ > 0 || (node_ && node_->stats().waiting > 0) ||
            (recovery_ && recovery_->under_way() > 0) || (peers_ && peers_->under_way() > 0));
}

// ---- from this process --------------------------------------------------------------------------

socketio::NamespaceSetup* ClusterPart::setup_of(std::string_view nsp) const {
    if (auto* const setup = adapter_.find_static(nsp)) return setup;
    const auto found = dynamic_.find(nsp);
    return found == dynamic_.end() ? nullptr : found->second;
}

void ClusterPart::namespace_opened(const std::string& nsp, socketio::NamespaceSetup* setup) {
    if (!node_) return;
    dynamic_[nsp] = setup;
    node_->open(nsp);
    touched();
}

void ClusterPart::namespace_closed(const std::string& nsp) {
    if (!node_) return;
    node_->close(nsp);
    if (!node_->is_open(nsp)) dynamic_.erase(nsp);  // Clients choose these names.
    touched();
}

void ClusterPart::room_opened(const std::string& nsp, const std::string& room, bool of_one_socket) {
    if (node_) node_->room_opened(nsp, room, of_one_socket);
}

void ClusterPart::room_closed(const std::string& nsp, const std::string& room) {
    if (node_) node_->room_closed(nsp, room);
}

void ClusterPart::send_to(const socketio::Command& command, const std::string& nsp,
                          cluster::OnReport report) {
    cluster::Message message = to_message(command, nsp);
    if (report)
        node_->ask(message,
                   timeout_ms_of(command, adapter_.settings(), settings_.node.request_timeout_ms),
                   now_ms(), std::move(report));
    else
        node_->send(message);
}

void ClusterPart::send(const socketio::Command& command) {
    cluster::OnReport report;
    if (command.request)
        report = [origin = command.origin, request = command.request](socketio::Report one) {
            one.request = request;
            origin->deliver_report(std::move(one));
        };
    if (!node_) return report ? report({.first = true, .complete = false}) : void();
    const auto* const setup = command.setup;
    if (!command.nsp.empty() || (setup && !setup->accept)) {
        send_to(command, command.nsp.empty() ? setup->name : command.nsp, std::move(report));
        return touched();
    }
    // To the children of a pattern: a message for each.
    std::vector<std::string> children;
    node_->each_namespace([&](const std::string& nsp) {
        if (setup_of(nsp) == setup) children.push_back(nsp);
    });
    if (report) report = joint_report(children.size(), std::move(report));
    for (const auto& nsp : children) send_to(command, nsp, report);
    touched();
}

void ClusterPart::publish(const std::shared_ptr<const socketio::Command>& event) {
    if (!node_ || !recovery_) return;
    cluster::Message message = to_message(*event, event->nsp);
    recovery_->add(message, event);
    node_->send(message);
    touched();
}

void ClusterPart::claim_session(const socketio::SessionClaim& claim,
                                const socketio::RecoveryLink::Claimed& done) {
    recovery_ ? recovery_->claim(claim, done) : done(std::nullopt);
}

void ClusterPart::when_stored(size_t bytes, std::function<void(socketio::StreamId)> call) {
    if (!node_) return call({});
    order_.when_stored(now_ms(), {.bytes = bytes, .unsent = node_->stats().waiting},
                       std::move(call));
    touched();
}

void ClusterPart::when_read(socketio::StreamId id, size_t bytes, std::function<void()> call) {
    if (!node_) return call();
    order_.when_read(id, now_ms(), bytes, std::move(call));
    touched();
}

// ---- StreamEvents -------------------------------------------------------------------------------

void ClusterPart::on_stream(socketio::StreamPlace place, bool again) {
    if (again)
        entries_are_missing(place.stream, {}, "was trimmed or emptied while this node was away");
    if (recovery_) recovery_->on_stream(place);
    order_.read(place.id);
    figures_.reads.store(true, std::memory_order_relaxed);
}

void ClusterPart::on_tail_lost(socketio::StreamPlace read, socketio::StreamId left) {
    entries_are_missing(read.stream, left, "has lost its newest entries, as after a failover");
}

// `left`: the newest entry that was read and is still there.
void ClusterPart::entries_are_missing(uint32_t stream, socketio::StreamId left,
                                      std::string_view why) {
    if (appends_) {
        repeats_.may_come(now_ms(), appends_->size() == 0 ? node_->uid() : std::string_view());
        if (recovery_) recovery_->entries_lost({stream, left});
    }
    figures_.gaps.fetch_add(1, std::memory_order_relaxed);
    const auto& dialect = settings_.node.dialect;
    worker_.log(log::Level::warn,
                "cluster: the stream " +
                    cluster::stream_names(dialect.stream, dialect.streams)[stream] + " " +
                    std::string(why) + ": events may be missing");
}

void ClusterPart::take_entry(socketio::StreamPlace place, const cluster::Entry& entry) {
    place_ = place;
    const auto uid = std::ranges::find(entry, "uid", &cluster::Entry::value_type::first);
    const bool own = uid != entry.end() && uid->second == node_->uid();
    if (!own || !recovery_ || !recovery_->take_own(place, entry)) node_->on_entry(entry, now_ms());
    place_.reset();
}

void ClusterPart::on_entry(socketio::StreamPlace place, const cluster::Entry& entry) {
    const auto first = appends_ ? repeats_.read(entry, place.id, now_ms()) : std::nullopt;
    if (first) {
        figures_.repeats.fetch_add(1, std::memory_order_relaxed);
        if (recovery_) recovery_->on_repeat(place);
    } else {
        take_entry(place, entry);
    }
    if (recovery_) recovery_->on_read(place);
    order_.read(place.id);
    touched();
}

void ClusterPart::on_round() {
    if (recovery_) recovery_->on_round(reader_->round());
}

void ClusterPart::on_unread(std::string_view error) {
    constexpr std::string_view strange = "the reply has no meaning";
    if (!error.empty()) count_error(error);
    figures_.unread.store(++unread_, std::memory_order_relaxed);
    reports_.tell("a stream cannot be read", error.empty() ? strange : error, unread_);
}

// ---- cluster::Bus -------------------------------------------------------------------------------

void ClusterPart::subscribe(const cluster::Subscription& to) {
    if (client_) client_->subscribe(topic_of(to.medium), to.name);
}

void ClusterPart::unsubscribe(const cluster::Subscription& from) {
    if (client_) client_->unsubscribe(topic_of(from.medium), from.name);
}

void ClusterPart::send(cluster::Sending sending, Count done) {
    if (!client_) return done ? done(std::nullopt) : void();  // The loop has ended.
    ++under_way_;
    if (sending.way == cluster::Sending::Way::stream) return send_entry(std::move(sending));
    const redis::Done answered = [this, done = std::move(done)](const redis::Answer& answer) {
        --under_way_;
        if (!answer.error.empty()) failed("a message was not sent", answer.error);
        if (answer.value && node_ && node_->resume(now_ms())) touched();
        if (!done) return;
        done(answer.error.empty() ? std::optional(static_cast<uint64_t>(answer.value->integer()))
                                  : std::nullopt);
        touched();
    };
    sending.way == cluster::Sending::Way::publish
        ? client_->publish(sending.name, sending.body, answered)
        : client_->spublish(sending.name, sending.body, answered);
}

bool ClusterPart::is_late() const { return client_ && client_->is_late(); }

void ClusterPart::count(const cluster::Subscription& name, Count done) {
    if (!client_) return done(std::nullopt);
    const bool shard = name.medium == cluster::Medium::shard;
    const std::array<std::string_view, 3> words{"PUBSUB", shard ? "SHARDNUMSUB" : "NUMSUB",
                                                name.name};
    const auto answered = [this, done = std::move(done)](const redis::Answer& answer) {
        const bool good = answer.error.empty() && answer.value->size() == 2;
        done(good ? std::optional(static_cast<uint64_t>((*answer.value)[1].integer()))
                  : std::nullopt);
        touched();
    };
    shard ? client_->command(words, answered, name.name) : client_->command(words, answered);
}

// ---- cluster::Host ------------------------------------------------------------------------------

void ClusterPart::perform(cluster::Message& message) {
    if (place_ && recovery_ && message.kind != cluster::Kind::server_event &&
        adapter_.records(message.nsp)) {
        const bool adds = !message.target.flags.volatile_packet || ends_in_text(message);
        auto command = to_command(message, adapter_, adds ? cluster::to_text(place_->id) : "");
        if (!command) return;
        command->place = place_;
        return adapter_.deliver_in_order(std::move(command));
    }
    responder_.perform(message, setup_of(message.nsp));
}

void ClusterPart::ask(cluster::Message& question, cluster::Asker asker) {
    const auto* const setup = setup_of(question.nsp);
    const auto answer = [this, asker = std::move(asker)](cluster::Message&& message) {
        if (!node_) return;
        node_->answer(asker, message);
        touched();
    };
    // Whether and when an application acks a server's event is its own matter.
    if (question.kind == cluster::Kind::server_event) {
        node_->answered();
        return responder_.ask(question, setup, answer, {});
    }
    responder_.ask(question, setup, answer, [this] {
        if (node_) node_->answered();
    });
}

void ClusterPart::warn(std::string_view what, uint64_t refused) {
    const std::string count = std::to_string(refused);
    const std::array<log::Field, 1> fields{{{"count", count}}};
    worker_.log(log::Level::warn, "cluster: refused " + std::string(what), fields);
}

// ---- redis::client::ClientEvents ----------------------------------------------------------------

void ClusterPart::on_message(const redis::Message& message) {
    if (message.too_large) return node_->on_too_large(now_ms());
    if (recovery_ && recovery_->take_notice(message)) return;
    if (peers_ && peers_->take(message)) return;
    const auto name = message.topic == redis::Topic::pattern ? message.pattern : message.channel;
    node_->on_message({medium_of(message.topic), name, message.channel, message.payload}, now_ms());
    touched();
}

void ClusterPart::on_ready() {
    if (!client_->is_deaf() && !figures_.connected.exchange(true)) reports_.connected();
    outage_.up();
    if (appends_) appends_->again();  // First: these are older than what waits in the node.
    node_->up(now_ms());
    if (recovery_) recovery_->up();
    if (peers_) peers_->up(client_->is_deaf());
    touched();
}

void ClusterPart::on_down(const std::string& why, bool is_final) {
    figures_.connected.store(false);
    outage_.down();
    node_->down();
    if (recovery_) recovery_->down();
    if (peers_) peers_->down();
    touched();
    reports_.away(why, is_final);
}

void ClusterPart::on_refused(redis::Topic, const std::string& name, std::string_view error) {
    figures_.connected.store(false);  // Until Redis lets this node hear everything again.
    if (peers_) peers_->down();
    failed("no subscription to " + name, error);
}

// Redirections are the life of a cluster; what it says otherwise is a fault.
void ClusterPart::on_bounced(std::string_view error) {
    figures_.bounced.store(++bounced_, std::memory_order_relaxed);
    if (redis::reaction(redis::error_kind(error)) == redis::Reaction::redirect) return;
    count_error(error);
    reports_.tell("Redis does not take messages now, and gets them again", error, bounced_);
}

void ClusterPart::failed(std::string_view what, std::string_view error) {
    count_error(error);
    reports_.failed(what, error);
    figures_.failed.store(reports_.failures(), std::memory_order_relaxed);
}

void ClusterPart::count_error(std::string_view error) {
    auto& of_kind = figures_.errors[static_cast<size_t>(redis::error_kind(error))];
    of_kind.fetch_add(1, std::memory_order_relaxed);
}

// ---- time and figures ---------------------------------------------------------------------------

void ClusterPart::touched() {
    if (figures_timer_ == 0)
        figures_timer_ = worker_.loop().after(figures_interval_ms, [this] {
            figures_timer_ = 0;
            show_figures();
        });
    auto due = node_->due_ms();
    if (const auto order = order_.due_ms()) due = std::min(due.value_or(UINT64_MAX), *order);
    if (!due || (timer_ && timer_ms_ <= *due)) return;
    net::Loop& loop = worker_.loop();
    if (timer_) loop.cancel_timer(timer_);
    timer_ms_ = *due;
    timer_ = loop.after(*due - std::min(*due, loop.now_ms()), [this] {
        timer_ = 0;
        node_->on_time(now_ms());
        order_.on_time(now_ms());
        touched();
    });
}

uint64_t ClusterPart::dropped() const {
    // What the client drops of the entries is appended again.
    const uint64_t on_the_way = appends_  ? appends_->dropped()
                                : client_ ? client_->stats().dropped
                                          : 0;
    return node_->stats().dropped + on_the_way;
}

void ClusterPart::show_figures() {
    const cluster::NodeStats stats = node_->stats();
    constexpr auto relaxed = std::memory_order_relaxed;
    figures_.nodes.store(stats.hearing, relaxed);
    figures_.sent.store(stats.sent, relaxed);
    figures_.received.store(stats.received, relaxed);
    figures_.waiting.store(stats.waiting + under_way_, relaxed);
    figures_.dropped.store(dropped(), relaxed);
    figures_.refused.store(stats.malformed + stats.unknown_type + stats.too_large +
                               stats.wrong_namespace + stats.unheard_questions + stats.impostors,
                           relaxed);
    figures_.incomplete.store(stats.incomplete, relaxed);
    if (client_) figures_.losses.store(client_->stats().losses, relaxed);
    reports_.grown(dropped_told_, dropped(), "messages to other nodes were dropped",
                   "the queue is full, see queue_bytes_max");
}

}  // namespace starling::server
