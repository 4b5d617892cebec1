// hub/hub.h: the topics of one worker: their subscribers, and the delivery of publications to them.
//
// A server has one Hub per worker; hubs share nothing. A hub delivers a publication to its own
// subscribers, and gives the publication to the Bus, which carries it to the other hubs.
//
// A publication to a large topic is delivered in slices, so that it does not hold the loop: the hub
// keeps the publication, and each call of deliver_slice() gives it to some more members. No
// subscriber can tell the difference but by the time: before anything else is sent to a subscriber,
// or it leaves, catch_up() gives it what it lacks, in the order of the publications.
//
// Owner: server::Worker. Subscribers are owned elsewhere and leave before they die.
// Thread: the worker's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hashed_text.h"
#include "base/shared_bytes.h"

namespace starling::hub {

struct Message {
    std::string_view topic;
    std::span<const std::byte> bytes;
    bool binary;
    std::string_view offset = {};  // In the history of a channel; "": it has none.
};

// A message during delivery to the subscribers of one worker, with its encodings. The first
// subscriber that needs an encoding makes the encoding; all other subscribers share it.
struct Publication {
    static constexpr size_t encodings_max = 4;  // The subscribers define the slots.
    const Message& message;
    std::array<base::SharedBytes, encodings_max> encodings{};
    // No other publication follows in this tick: each subscriber writes the message to the kernel
    // at once instead of queueing the message.
    bool at_once = false;
    bool compress = true;  // Only for subscribers that negotiated compression.
    size_t taken = 0;      // Subscribers that queued or sent the message; each adds itself.
};

struct Topic;

struct Membership {
    Topic* topic;
    size_t index;  // Index in the topic's members.
};

class Subscriber {
public:
    // Must not join or leave a topic, and must not destroy a subscriber.
    virtual void deliver(Publication& publication) = 0;

protected:
    virtual ~Subscriber();  // The subscriber must have left every topic.

private:
    friend class Hub;
    std::unique_ptr<std::vector<Membership>> topics_;  // Null: in no topic.
};

class Bus {
public:
    virtual ~Bus() = default;
    // Carries the message to the hubs of all other workers.
    virtual void publish(const Message& message) = 0;
    // Notifies that a subscriber of this hub joined (+1) or left (-1). For +1 the implementation
    // must not change a topic, and an exception takes the join back. For -1 the implementation may
    // make subscribers join and leave.
    virtual void subscribers_changed(const base::HashedText& topic, int change) = 0;
    // A publication is delivered in slices, and none was before: Hub::deliver_slice() is to be
    // called in later ticks until it returns false. Only hubs with a Slicing call this.
    virtual void slices_begin() {}
};

// Which publications a hub delivers in slices. By default none.
struct Slicing {
    size_t whole_members_max = SIZE_MAX;  // A topic with more members is a large one.
    // Limit of the publications that are being delivered in slices, each with Hub::kept_bytes for
    // itself. A publication over the limit first delivers the oldest one to those that lack it.
    size_t kept_bytes_max = size_t{16} * 1024 * 1024;
};

class Hub {
public:
    static constexpr size_t topic_bytes_max = 255;
    static constexpr size_t kept_bytes = 256;
    // A message is one unit of a slice, and one more for each so many bytes.
    static constexpr size_t unit_bytes = 4096;

    // `runs_on`: what base::running is on the worker's thread; null: no thread is checked.
    explicit Hub(Bus& bus, const void* runs_on = nullptr, Slicing slicing = {}) noexcept;
    ~Hub();
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    enum class Join : uint8_t { joined, already, bad_name, too_many };
    Join join(Subscriber& subscriber, std::string_view topic, size_t topics_max);
    // False: `subscriber` was no member.
    bool leave(Subscriber& subscriber, std::string_view topic);
    void leave_all(Subscriber& subscriber);

    // Sends to every subscriber of the topic on every worker, except `except`. Returns how many
    // subscribers of this hub took the message; of a large topic, how many will be offered it.
    size_t publish(const Message& message, const Subscriber* except = nullptr);
    // Delivers a message from the bus to the subscribers of this hub only.
    size_t deliver(const Message& message, const Subscriber* except = nullptr);
    // Like deliver(), never in slices. `except` is sorted.
    size_t deliver_whole(const Message& message, std::span<const Subscriber* const> except);

    // Continues with what is delivered in slices, for up to about `units`. False: nothing is left.
    bool deliver_slice(size_t units);
    [[nodiscard]] bool delivers_slices() const noexcept { return slicing_now_; }
    // Delivers the publications that the subscriber still lacks. Call it before anything else is
    // sent to the subscriber. Does nothing within deliver().
    void catch_up(Subscriber& subscriber) {
        if (slicing_now_) [[unlikely]]
            catch_up_slowly(subscriber);
    }
    // Publications that are being delivered in slices.
    [[nodiscard]] size_t kept() const noexcept;

    [[nodiscard]] size_t subscribers(std::string_view topic) const;
    // Valid until a subscriber joins or leaves.
    [[nodiscard]] std::span<Subscriber* const> members(std::string_view topic) const;
    [[nodiscard]] bool is_member(const Subscriber& subscriber, std::string_view topic) const;
    // Names of the subscriber's topics.
    [[nodiscard]] std::vector<std::string> topics_of(const Subscriber& subscriber) const;
    [[nodiscard]] size_t topics() const noexcept { return topics_.size(); }
    // Calls call(name, subscribers of this hub) for each topic. The call changes no topic.
    template <class F>
    void each_topic(F&& call) const {
        for (const auto& [name, topic] : topics_) call(name.text, size_of(*topic));
    }
    struct Traffic {
        uint64_t publications = 0;  // Published on this worker.
        uint64_t deliveries = 0;    // Taken by subscribers of this hub.
    };
    [[nodiscard]] const Traffic& traffic() const noexcept { return traffic_; }

private:
    using Topics = std::unordered_map<base::HashedText, std::unique_ptr<Topic>,
                                      base::HashedText::Hash, base::HashedText::Equal>;

    [[nodiscard]] static size_t size_of(const Topic& topic) noexcept;
    [[nodiscard]] Topics::const_iterator find(std::string_view topic) const {
        return topics_.find(base::HashedText(topic));
    }
    void remove(Topic& topic, size_t index);
    [[nodiscard]] bool on_own_thread() const noexcept;
    template <class Excepted>
    size_t deliver_now(Topic& topic, const Message& message, const Excepted& excepted);
    // ---- In slices, see hub/slices.cpp ----------------------------------------------------------
    size_t keep(Topic& topic, const Message& message, const Subscriber* except);
    void begin_slices(Topic& topic);
    void tell_begin();
    void catch_up_slowly(Subscriber& subscriber);
    void give_next(Topic& topic, size_t index, bool at_once);
    void forget(Topic& topic, size_t index) noexcept;
    void trim(Topic& topic) noexcept;
    void serve(Topic& topic, size_t units);

    Bus& bus_;
    Traffic traffic_;
    const void* const runs_on_;
    const Slicing slicing_;
    bool slicing_now_ = false;    // sliced_ has a topic.
    bool giving_ = false;         // Within a Subscriber::deliver() of give_next().
    uint64_t kept_number_ = 0;    // Of the latest kept publication.
    size_t kept_bytes_ = 0;       // Of all kept publications.
    std::vector<Topic*> sliced_;  // Topics with a Backlog. The first one has the next slice.
    // The keys are views of the names in the topics.
    Topics topics_;
};

}  // namespace starling::hub
