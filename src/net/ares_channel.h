// net/ares_channel.h: c-ares on a net::Loop: its sockets, its timer, its questions.
//
// The channel reads /etc/resolv.conf when it is made, and again if the file has changed since and
// no question is open. Questions are for full names; names_of() applies the search domains.
//
// If a name server refuses or fails, c-ares 1.18 asks the next one, and after the last one reports
// that none can be reached. So there are two channels of c-ares. The first one asks. If it reaches
// no name server, the second one asks the first name server again, and reports that server's own
// error.
//
// Owner: the system's resolver, which outlives the questions. Thread: the loop's.
#pragma once

// c-ares 1.34 deprecates functions whose successors c-ares 1.18 does not have.
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "net/loop.h"
#include "net/resolver.h"
#include "net/watch.h"

namespace starling::net {

class AresChannel {
public:
    struct Question;
    // Has at most two questions at a time.
    class Asker {
    public:
        // `found` is null if `status` is not ARES_SUCCESS, and ends with the call. May come from
        // within ask(). c-ares is on the stack, so the call may ask(), and may neither cancel
        // questions nor destroy the channel. An exception of the call is dropped.
        virtual void on_answer(int status, const ares_addrinfo* found) = 0;

    protected:
        virtual ~Asker() = default;

    private:
        friend class AresChannel;
        std::array<Question*, 2> open_{};
    };

    AresChannel(Loop& loop, ResolverOptions options);
    ~AresChannel();
    AresChannel(const AresChannel&) = delete;
    AresChannel& operator=(const AresChannel&) = delete;

    // Asks for the addresses of one family, AF_INET or AF_INET6.
    void ask(Asker& asker, const std::string& name, int family);
    // No more answers are reported to the asker. c-ares goes on until the name servers have
    // answered, or all questions are cancelled.
    void cancel(Asker& asker) noexcept;
    // Questions that c-ares still has, the cancelled ones among them.
    [[nodiscard]] size_t questions() const noexcept { return questions_.size(); }
    // Call it before the first question of a name.
    void refresh();
    [[nodiscard]] std::vector<std::string> names_of(std::string_view host) const;

private:
    // One of the two channels of c-ares.
    struct Channel {
        AresChannel* owner;
        ares_channel ares = nullptr;
    };
    struct Socket final : Watcher {
        Socket(Channel& owner, int fd, Interest interest)
            : channel(owner), watch(owner.owner->loop_, fd, interest, *this) {}
        void on_ready(bool readable, bool writable) override;
        Channel& channel;
        Watch watch;
    };
    // Tells one resolv.conf from the next.
    struct Version {
        ino_t inode = 0;
        off_t bytes = 0;
        time_t seconds = 0;
        long nanoseconds = 0;
        bool operator==(const Version&) const = default;
    };

    void open();
    void close() noexcept;
    void open(Channel& channel, ares_options options, int given);
    void read_settings();
    void set_servers(ares_channel channel);
    [[nodiscard]] Version version() const noexcept;
    void change_socket(Channel& channel, int fd, Interest interest) noexcept;
    void arm(uint64_t delay_ms);
    void run_timeouts();
    static void answered(void* question, int status, int timeouts, ares_addrinfo* found);
    static void explained(void* question, int status, int timeouts, unsigned char*, int);
    static void end(Question* question, int status, const ares_addrinfo* found) noexcept;

    Loop& loop_;
    const ResolverOptions options_;
    Channel asking_{this}, explaining_{this};
    Version version_;
    std::vector<std::string> search_domains_;
    size_t ndots_ = 1;
    uint64_t try_ms_ = 0;
    std::unordered_map<int, Socket> sockets_;
    std::unordered_set<Question*> questions_;
    size_t live_ = 0;  // Questions that are not cancelled.
    TimerId timer_ = 0;
    uint64_t timer_due_ms_ = 0;
};

}  // namespace starling::net
