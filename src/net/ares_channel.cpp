#include "net/ares_channel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "base/assert.h"
#include "net/host_name.h"

namespace starling::net {

// Owned by c-ares until its callback.
struct AresChannel::Question {
    AresChannel* channel;
    Asker* asker;  // Null: cancelled.
    std::string name;
    int family;
};

AresChannel::AresChannel(Loop& loop, ResolverOptions options)
    : loop_(loop), options_(std::move(options)) {
    static const int initialized = ares_library_init(ARES_LIB_INIT_ALL);
    if (initialized != ARES_SUCCESS) throw std::bad_alloc();
    open();
}

AresChannel::~AresChannel() {
    close();
    if (timer_) loop_.cancel_timer(timer_);
}

void AresChannel::open() {
    version_ = version();
    ares_options options{};
    int given = ARES_OPT_RESOLVCONF;
    options.resolvconf_path = const_cast<char*>(options_.resolv_conf_path.c_str());
    if (options_.try_ms) {
        given |= ARES_OPT_TIMEOUTMS;
        options.timeout = static_cast<int>(std::min<uint64_t>(options_.try_ms, 600'000));
    }
    try {
        options.flags = ARES_FLAG_NOCHECKRESP;
        options.tries = 1;
        open(explaining_, options, given | ARES_OPT_FLAGS | ARES_OPT_TRIES);
        read_settings();
        options.tries = options_.tries;
        // No search domains.
        open(asking_, options, given | ARES_OPT_DOMAINS | (options_.tries ? ARES_OPT_TRIES : 0));
    } catch (...) {
        close();
        throw;
    }
}

void AresChannel::open(Channel& channel, ares_options options, int given) {
    options.sock_state_cb = [](void* self, int fd, int readable, int writable) {
        auto& changed = *static_cast<Channel*>(self);
        changed.owner->change_socket(changed, fd, {readable != 0, writable != 0});
    };
    options.sock_state_cb_data = &channel;
    if (ares_init_options(&channel.ares, &options, given | ARES_OPT_SOCK_STATE_CB) !=
        ARES_SUCCESS) {
        channel.ares = nullptr;
        throw std::bad_alloc();
    }
    if (!options_.servers.empty()) set_servers(channel.ares);
}

// The callbacks of the questions come from here.
void AresChannel::close() noexcept {
    for (Question* const question : questions_) question->asker = nullptr;
    live_ = 0;
    for (Channel* const channel : {&asking_, &explaining_})
        if (channel->ares) ares_destroy(std::exchange(channel->ares, nullptr));
}

void AresChannel::set_servers(ares_channel channel) {
    std::vector<ares_addr_port_node> nodes(options_.servers.size());
    for (size_t i = 0; i < nodes.size(); ++i) {
        const Address& server = options_.servers[i];
        ares_addr_port_node& node = nodes[i];
        node.next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
        node.family = server.family();
        node.udp_port = node.tcp_port = server.port();
        if (server.family() == AF_INET)
            node.addr.addr4 = reinterpret_cast<const sockaddr_in*>(server.data())->sin_addr;
        else
            std::memcpy(&node.addr.addr6,
                        &reinterpret_cast<const sockaddr_in6*>(server.data())->sin6_addr,
                        sizeof node.addr.addr6);
    }
    if (ares_set_servers_ports(channel, nodes.data()) != ARES_SUCCESS) throw std::bad_alloc();
}

// What c-ares has found in resolv.conf.
void AresChannel::read_settings() {
    ares_options found{};
    int mask = 0;
    if (ares_save_options(explaining_.ares, &found, &mask) != ARES_SUCCESS) throw std::bad_alloc();
    const std::unique_ptr<ares_options, decltype(&ares_destroy_options)> held(
        &found, &ares_destroy_options);
    search_domains_.assign(found.domains, found.domains + found.ndomains);
    ndots_ = static_cast<size_t>(std::max(found.ndots, 0));
    try_ms_ = static_cast<uint64_t>(std::max(found.timeout, 1));
}

AresChannel::Version AresChannel::version() const noexcept {
    struct stat info {};
    if (::stat(options_.resolv_conf_path.c_str(), &info) != 0) return {};
    return {info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

void AresChannel::refresh() {
    if (!questions_.empty() || version() == version_) return;
    ares_channeldata* const old[] = {std::exchange(asking_.ares, nullptr),
                                     std::exchange(explaining_.ares, nullptr)};
    try {
        open();
    } catch (...) {
        asking_.ares = old[0];
        explaining_.ares = old[1];
        throw;
    }
    for (auto* const channel : old) ares_destroy(channel);
}

std::vector<std::string> AresChannel::names_of(std::string_view host) const {
    return names_to_ask(host, search_domains_, ndots_);
}

void AresChannel::ask(Asker& asker, const std::string& name, int family) {
    auto question = std::make_unique<Question>(Question{this, &asker, name, family});
    questions_.insert(question.get());
    const auto slot = std::ranges::find(asker.open_, nullptr);
    STARLING_ASSERT(slot != asker.open_.end());
    *slot = question.get();
    ++live_;
    ares_addrinfo_hints hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(asking_.ares, name.c_str(), nullptr, &hints, &AresChannel::answered,
                     question.release());
    if (!questions_.empty()) arm(try_ms_);
}

void AresChannel::answered(void* argument, int status, int, ares_addrinfo* found) {
    const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> held(found,
                                                                            &ares_freeaddrinfo);
    auto* const question = static_cast<Question*>(argument);
    auto* const explaining = question->channel->explaining_.ares;
    if (status != ARES_ECONNREFUSED || !question->asker || !explaining)
        return end(question, status, found);
    constexpr int class_internet = 1, type_a = 1, type_aaaa = 28;
    ares_query(explaining, question->name.c_str(), class_internet,
               question->family == AF_INET ? type_a : type_aaaa, &AresChannel::explained, question);
}

void AresChannel::explained(void* argument, int status, int, unsigned char*, int) {
    // A server that answers now has failed before.
    end(static_cast<Question*>(argument), status == ARES_SUCCESS ? ARES_ESERVFAIL : status,
        nullptr);
}

void AresChannel::end(Question* question, int status, const ares_addrinfo* found) noexcept {
    const std::unique_ptr<Question> ended(question);
    AresChannel& channel = *question->channel;
    channel.questions_.erase(question);
    Asker* const asker = question->asker;
    if (!asker) return;
    --channel.live_;
    std::ranges::replace(asker->open_, question, nullptr);
    try {
        asker->on_answer(status, found);
    } catch (...) {
        // An exception must not pass through c-ares. Only memory can be short here; the asker has a
        // time limit of its own.
    }
}

void AresChannel::cancel(Asker& asker) noexcept {
    for (Question*& question : asker.open_) {
        if (!question) continue;
        std::exchange(question, nullptr)->asker = nullptr;
        --live_;
    }
    // c-ares cancels all or none.
    if (live_ != 0 || questions_.empty()) return;
    ares_cancel(asking_.ares);
    ares_cancel(explaining_.ares);
}

void AresChannel::change_socket(Channel& channel, int fd, Interest interest) noexcept {
    const auto found = sockets_.find(fd);
    if (interest == Interest{}) {
        if (found != sockets_.end()) sockets_.erase(found);  // c-ares closes it next.
        return;
    }
    try {
        if (found == sockets_.end())
            sockets_.try_emplace(fd, channel, fd, interest);
        else
            (void)found->second.watch.change(interest);
    } catch (...) {
        // No memory to watch the socket: its questions end by their timeouts.
    }
}

void AresChannel::Socket::on_ready(bool readable, bool writable) {
    const int fd = watch.fd();  // The call may destroy this object.
    ares_process_fd(channel.ares, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
}

// `delay_ms` is when c-ares has something to do at the latest. c-ares reads its own clock, so a
// timer that comes too early finds nothing due and is armed again.
void AresChannel::arm(uint64_t delay_ms) {
    const uint64_t due_ms = loop_.now_ms() + delay_ms;
    if (timer_ && timer_due_ms_ <= due_ms) return;
    if (timer_) loop_.cancel_timer(std::exchange(timer_, 0));
    timer_due_ms_ = due_ms;
    timer_ = loop_.after(delay_ms, [this] {
        timer_ = 0;
        if (!questions_.empty()) run_timeouts();
    });
}

void AresChannel::run_timeouts() {
    for (const Channel* const channel : {&asking_, &explaining_})
        ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    for (const Channel* const channel : {&asking_, &explaining_}) {
        timeval left{};
        if (const timeval* const next = ares_timeout(channel->ares, nullptr, &left))
            arm(static_cast<uint64_t>(next->tv_sec) * 1000 +
                static_cast<uint64_t>(next->tv_usec) / 1000 + 1);
    }
}

}  // namespace starling::net
