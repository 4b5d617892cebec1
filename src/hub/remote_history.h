// hub/remote_history.h: a history that is kept by a store elsewhere, which answers later, may go away
// and may come back empty.
//
// Publications of one channel are appended in their order: at most one batch of a channel is under
// way, and what comes meanwhile is the next batch. If the store goes away before it answers, nobody
// knows whether it has the batch. So the batch is sent again, and the store leaves out what it has:
// each publication has a number, and the store knows the newest number of each sender in a channel.
//
// While the store is away or takes nothing, publications and questions wait: the former append_wait_ms
// at most and within bytes_max, the latter read_wait_ms. After that they fail. A publication that failed
// is not appended later. But nobody knows it of one that the store was about to append when it went away,
// and a publication that the store has begun to append waits for the end of that.
//
// Owner: the code that talks to the store; the store lives longer. Thread: the owner's. Pure: the
// time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/keyed_hash.h"
#include "hub/history.h"

namespace starling::hub {

class RemoteHistory final : public History {
public:
    struct Item {
        std::string text;
        uint64_t number;  // Ascends over all publications of this object, from 1.
    };
    struct Batch {
        std::string channel;
        HistoryRule rule;
        std::vector<Item> items = {};
        uint64_t until_ms = 0;
    };
    // How an attempt ended. `unknown`: the store went away, or does not take it and time is up.
    enum class Outcome : uint8_t { done, unknown, refused };
    struct Appended {
        Outcome outcome;
        std::string epoch = {};
        std::vector<uint64_t> offsets = {};  // One for each item.
    };
    // A HistoryQuery that owns its texts.
    struct Question {
        std::string channel;
        std::optional<Position> since;
        size_t limit, bytes_max;
        uint64_t until_ms = 0;
    };
    class Store {
    public:
        // `answer` runs once, later. Batch and question live until then. From `until_ms` on the store
        // must not begin to execute them; then it answers `unknown`.
        virtual void append(const Batch& batch, std::function<void(const Appended&)> answer) = 0;
        // For `done` the page is set.
        virtual void read(const Question& question,
                          std::function<void(Outcome, const HistoryPage&)> answer) = 0;

    protected:
        ~Store() = default;
    };
    struct Limits {
        size_t bytes_max = 16u << 20;  // Of the publications that are not answered.
        size_t reads_max = 10'000;     // Questions that are not answered.
        uint64_t append_wait_ms = 20'000;
        uint64_t read_wait_ms = 5'000;
        size_t batch_items_max = 128;
        size_t batch_bytes_max = 256 * 1024;
        uint64_t pause_ms = 100;  // Between two attempts while the store says that it is there.
    };
    // Publications or questions since the start, by how they ended.
    struct Ended {
        uint64_t done = 0;
        uint64_t full = 0;     // Failed: too many waited.
        uint64_t late = 0;     // Failed: the store was away for too long.
        uint64_t refused = 0;  // Failed: the store refused.
        [[nodiscard]] uint64_t failed() const noexcept { return full + late + refused; }
    };
    struct Stats {
        size_t waiting = 0, waiting_bytes = 0;  // Publications that are not answered.
        size_t waiting_reads = 0;               // Questions that are not answered.
        Ended appends = {}, reads = {};
        uint64_t unanswered =
            0;  // Attempts that the store has not answered, and that are made again.
    };

    RemoteHistory(Store& store, const Limits& limits);
    ~RemoteHistory() override;
    RemoteHistory(const RemoteHistory&) = delete;
    RemoteHistory& operator=(const RemoteHistory&) = delete;

    void append(std::string_view channel, const HistoryRule& rule, std::string_view text,
                uint64_t now_ms, const std::function<void(KeptPtr)>& done) override;
    void read(const HistoryQuery& query, uint64_t now_ms,
              const std::function<void(HistoryPage)>& done) override;
    // The store is there, or away. It may be away at first.
    void set_ready(bool ready, uint64_t now_ms);
    // Tries again, and ends what has waited too long.
    void run(uint64_t now_ms);
    // run() has work at some time: call it every pause_ms.
    [[nodiscard]] bool is_waiting() const noexcept { return !channels_.empty() || !reads_.empty(); }
    // Everything that waits fails, and so does what comes later.
    void end();
    [[nodiscard]] Stats stats() const noexcept {
        Stats stats = stats_;
        stats.waiting_reads = reads_.size();
        return stats;
    }

private:
    struct Pending {
        Item item;
        HistoryRule rule;
        uint64_t until_ms;
        std::function<void(KeptPtr)> done;
    };
    struct Channel {
        std::deque<Pending> waiting;
        std::deque<Pending> sent;  // The batch under way.
        Batch batch;
    };
    struct Read {
        Question question;
        std::function<void(HistoryPage)> done;
        bool under_way = false, is_over = false;
    };
    using Channels = std::unordered_map<std::string, std::unique_ptr<Channel>, base::KeyedTextHash,
                                        std::equal_to<>>;

    [[nodiscard]] static size_t bytes_of(std::string_view channel, std::string_view text) noexcept;
    void send(Channel& channel);
    void appended(Channel& channel, const Appended& appended);
    void finish(const Channel& channel, Pending pending, KeptPtr kept);
    void forget_if_idle(const std::string& name);
    void ask(const std::shared_ptr<Read>& read);
    void forget(const std::shared_ptr<Read>& read);
    void end_late(Channel& channel, uint64_t now_ms);

    Store& store_;
    const Limits limits_;
    bool ready_ = false, ended_ = false;
    uint64_t numbers_ = 0;
    Stats stats_;
    Channels channels_;  // Those with publications that are not answered.
    std::deque<std::shared_ptr<Read>> reads_;
    std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // For late answers.
};

}  // namespace starling::hub
