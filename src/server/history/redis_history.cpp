#include "server/history/redis_history.h"

#include <array>
#include <charconv>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "base/digest.h"
#include "base/exception_text.h"
#include "redis/errors.h"
#include "server/history/replies.h"
#include "server/history/scripts.h"
#include "server/random_pool.h"

namespace starling::server {
namespace {

using hub::RemoteHistory;
using Outcome = RemoteHistory::Outcome;
using Clock = std::chrono::steady_clock;

constexpr std::string_view no_script = "NOSCRIPT";
// No channel keeps more; a number of Lua holds it exactly.
constexpr size_t limit_max = 100'000;
constexpr size_t bytes_max = size_t{64} << 20;

}  // namespace

HistoryPart::HistoryPart(const HistorySettings& settings, Worker& worker,
                         std::function<void()> ready)
    : settings_(settings),
      worker_(worker),
      ready_(std::move(ready)),
      sender_(RandomPool().hex(8)),
      append_(append_script()),
      append_hash_(base::sha1_hex(append_)),
      read_(read_script()),
      read_hash_(base::sha1_hex(read_)),
      resolver_(net::make_system_resolver(worker.loop())),
      history_(std::make_unique<RemoteHistory>(static_cast<Store&>(*this), settings.limits)),
      timer_(worker.loop()),
      reports_(worker, "history", "history") {
    auto made = redis::client::Client::make(worker.loop(), *resolver_, settings_.redis, *this);
    if (!made) throw std::runtime_error("history: " + made.error());
    client_ = *std::move(made);
}

HistoryPart::~HistoryPart() = default;

void HistoryPart::loop_ended() noexcept {
    timer_.stop();
    history_.reset();
    client_.reset();
    resolver_.reset();
}

// At a stop, publishers still wait for their answers. They wait no longer for a Redis that is away.
bool HistoryPart::needs_loop() noexcept {
    if (!history_ || !history_->is_waiting()) return false;
    if (client_->is_ready()) return true;
    try {
        history_->end();
    } catch (...) {
        worker_.log_exception("history", base::describe_current_exception());
    }
    return true;  // Once more: the failures have posted calls to the workers.
}

void HistoryPart::append(std::string_view channel, const hub::HistoryRule& rule,
                         std::string_view text, const std::function<void(hub::KeptPtr)>& done) {
    if (!history_) return;
    history_->append(channel, rule, text, now_ms(), done);
    touched();
}

void HistoryPart::read(const hub::HistoryQuery& query,
                       const std::function<void(hub::HistoryPage)>& done) {
    if (!history_) return;
    history_->read(query, now_ms(), done);
    touched();
}

void HistoryPart::touched() {
    if (timer_.is_set() || !history_ || !history_->is_waiting()) return;
    timer_.after(settings_.limits.pause_ms, [this] {
        history_->run(now_ms());
        touched();
    });
}

// ---- scripts ------------------------------------------------------------------------------------

std::string HistoryPart::make_epoch() {
    std::array<char, 16> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), ++epochs_, 36).ptr;
    return sender_ + std::string(text.data(), end);
}

void HistoryPart::run(const std::string& script, const std::string& hash, std::string_view channel,
                      std::vector<std::string> arguments, uint64_t until_ms,
                      base::LogHistogram& times, Answered answered) {
    const HistoryKeys keys = history_keys(settings_.prefix, channel);
    auto words = std::make_shared<std::vector<std::string>>(
        std::vector<std::string>{"EVALSHA", hash, "2", keys.stream, keys.state});
    words->insert(words->end(), std::make_move_iterator(arguments.begin()),
                  std::make_move_iterator(arguments.end()));
    const auto send = [this, words, until_ms](redis::Done done) {
        const std::vector<std::string_view> views(words->begin(), words->end());
        client_->command(views, std::move(done), (*words)[3], until_ms);
    };
    const auto timed = [&times, begin = Clock::now(),
                        answered = std::move(answered)](const redis::Answer& answer) {
        const auto took =
            std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
        if (answer.value) times.record(static_cast<uint64_t>(took.count()));
        answered(answer);
    };
    send([send, words, &script, timed](const redis::Answer& answer) {
        if (!answer.error.starts_with(no_script)) return timed(answer);
        // This server does not know the script yet.
        (*words)[0] = "EVAL";
        (*words)[1] = script;
        send(timed);
    });
}

Outcome HistoryPart::outcome_of(const redis::Answer& answer) {
    if (answer.error.empty() && answer.value) return Outcome::done;
    if (answer.error == redis::client::Client::withdrawn) return Outcome::unknown;
    ++errors_[static_cast<size_t>(redis::error_kind(answer.error))];
    const bool told = answer.value != nullptr;  // Else the connection was cut.
    if (!told || redis::reaction(redis::error_kind(answer.error)) != redis::Reaction::tell)
        return Outcome::unknown;
    reports_.failed("Redis refuses", answer.error);
    return Outcome::refused;
}

void HistoryPart::append(const RemoteHistory::Batch& batch,
                         std::function<void(const RemoteHistory::Appended&)> answer) {
    std::vector<std::string> arguments{make_epoch(), std::to_string(batch.rule.messages),
                                       std::to_string(batch.rule.age_ms), sender_};
    for (const auto& item : batch.items) {
        arguments.push_back(std::to_string(item.number));
        arguments.push_back(item.text);
    }
    run(append_, append_hash_, batch.channel, std::move(arguments), batch.until_ms, append_times_,
        [this, items = batch.items.size(),
         answer = std::move(answer)](const redis::Answer& answered) {
            RemoteHistory::Appended appended{outcome_of(answered)};
            if (appended.outcome == Outcome::done &&
                !read_appended(*answered.value, items, appended))
                appended.outcome = Outcome::refused;
            answer(appended);
            touched();
        });
}

void HistoryPart::read(const RemoteHistory::Question& question,
                       std::function<void(Outcome, const hub::HistoryPage&)> answer) {
    const bool since = question.since.has_value();
    run(read_, read_hash_, question.channel,
        {make_epoch(), since ? question.since->epoch : "",
         since ? std::to_string(question.since->offset) : "",
         std::to_string(std::min(question.limit, limit_max)),
         std::to_string(std::min(question.bytes_max, bytes_max))},
        question.until_ms, read_times_,
        [this, channel = question.channel, since,
         answer = std::move(answer)](const redis::Answer& answered) {
            hub::HistoryPage page;
            Outcome outcome = outcome_of(answered);
            if (outcome == Outcome::done && !read_page(*answered.value, channel, since, page))
                outcome = Outcome::refused;
            answer(outcome, page);
            touched();
        });
}

// ---- Redis goes and comes -----------------------------------------------------------------------

void HistoryPart::on_ready() {
    history_->set_ready(true, now_ms());
    reports_.back();
    touched();
    if (ready_) ready_();
}

void HistoryPart::on_down(const std::string& why, bool is_final) {
    history_->set_ready(false, now_ms());
    reports_.away(why, is_final);
}

void HistoryPart::on_bounced(std::string_view error) {
    const redis::ErrorKind kind = redis::error_kind(error);
    if (redis::reaction(kind) == redis::Reaction::redirect) return;
    ++errors_[static_cast<size_t>(kind)];
    reports_.tell("Redis does not take messages now, and gets them again", error, ++bounced_);
}

void HistoryPart::add_figures(Figures& figures) const {
    if (!history_) return;
    const RemoteHistory::Stats stats = history_->stats();
    constexpr std::string_view requests = "starling_history_requests_total",
                               requests_help =
                                   "Publications and questions of histories in Redis, by their end";
    const auto add = [&](std::string_view kind, const RemoteHistory::Ended& ended) {
        const std::array<std::pair<std::string_view, uint64_t>, 4> results{{
            {"done", ended.done},
            {"full", ended.full},
            {"late", ended.late},
            {"refused", ended.refused},
        }};
        for (const auto& [result, count] : results)
            figures.counter(requests, requests_help, count,
                            label("kind", kind) + "," + label("result", result));
    };
    add("append", stats.appends);
    add("read", stats.reads);
    constexpr std::string_view waiting = "starling_history_waiting",
                               waiting_help = "Publications and questions that wait for Redis";
    figures.gauge(waiting, waiting_help, static_cast<double>(stats.waiting),
                  label("kind", "append"));
    figures.gauge(waiting, waiting_help, static_cast<double>(stats.waiting_reads),
                  label("kind", "read"));
    figures.gauge("starling_history_waiting_bytes",
                  "Memory of the publications that wait for Redis",
                  static_cast<double>(stats.waiting_bytes));
    figures.counter("starling_history_unanswered_total",
                    "Attempts that Redis did not answer, and that are made again",
                    stats.unanswered);
    constexpr std::string_view times = "starling_history_redis_seconds",
                               times_help = "From a command of a history to the answer of Redis";
    figures.durations(times, times_help, append_times_, label("kind", "append"));
    figures.durations(times, times_help, read_times_, label("kind", "read"));
    add_redis_errors(figures, "history", errors_);
}

// ---- any thread ---------------------------------------------------------------------------------

RedisHistory::RedisHistory(const HistorySettings& settings, WorkerGroup& group,
                           std::function<void()> ready)
    : group_(group), first_(*group.workers.front()) {
    auto part = std::make_unique<HistoryPart>(settings, first_, std::move(ready));
    part_.store(part.get());
    first_.add_part(std::move(part));
}

void RedisHistory::add_figures(const Worker& worker, Figures& figures) const {
    const HistoryPart* const part = part_.load();
    if (part && &worker == &first_) part->add_figures(figures);
}

void RedisHistory::append(std::string_view channel, const hub::HistoryRule& rule,
                          std::string_view text, uint64_t,
                          const std::function<void(hub::KeptPtr)>& done) {
    HistoryPart* const part = part_.load();
    if (!part) return done(nullptr);
    if (group_.here() == &first_) return part->append(channel, rule, text, done);
    const bool posted =
        first_.post_bounded(channel.size() + text.size(),
                            [part, name = std::string(channel), rule, copy = std::string(text),
                             done] { part->append(name, rule, copy, done); });
    if (!posted) done(nullptr);
}

void RedisHistory::read(const hub::HistoryQuery& query, uint64_t,
                        const std::function<void(hub::HistoryPage)>& done) {
    HistoryPart* const part = part_.load();
    Worker* const asker = group_.here();
    if (part && asker == &first_) return part->read(query, done);
    const auto answer = [asker, done](hub::HistoryPage page) {
        if (!asker) return done(std::move(page));
        asker->post([done, page = std::move(page)] { done(page); });
    };
    const bool posted =
        part && first_.post_bounded(query.channel.size(),
                                    [part, name = std::string(query.channel), since = query.since,
                                     limit = query.limit, bytes = query.bytes_max, answer] {
                                        part->read({name, since, limit, bytes}, answer);
                                    });
    if (posted) return;
    hub::HistoryPage failed;
    failed.failed = true;
    done(std::move(failed));
}

}  // namespace starling::server
