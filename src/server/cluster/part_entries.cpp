// server/cluster/part_entries.cpp: the entries of a ClusterPart on their way into a stream.
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redis/errors.h"
#include "redis/slots.h"
#include "server/cluster/part.h"

namespace starling::server {
namespace {

constexpr uint64_t again_ms = 100;  // After a command that had no answer.

void add_fields(std::vector<std::string_view>& words, const cluster::Entry& entry) {
    for (const auto& [field, value] : entry) {
        words.push_back(field);
        words.push_back(value);
    }
}

}  // namespace

void ClusterPart::send_entry(cluster::Sending sending) {
    const uint64_t event = recovery_ ? recovery_->sent(sending.name, sending.entry) : 0;
    cluster::Appends::Done stored = [this, event, number = order_.sent(), stream = sending.name](
                                        std::optional<socketio::StreamId> id,
                                        std::string_view error) {
        --under_way_;
        // Entries that do not fit are counted and told as dropped.
        if (!error.empty() && error != cluster::Appends::full)
            failed("a message was not sent", error);
        if (event && recovery_ && reader_)
            recovery_->answered(stream, event, error.empty(), reader_->round());
        order_.answered(number, id);
    };
    if (appends_) return appends_->add(std::move(sending), std::move(stored));
    const std::string length = std::to_string(settings_.stream_length_max);
    std::vector<std::string_view> words{"XADD", sending.name, "MAXLEN", "~", length, "*"};
    add_fields(words, sending.entry);
    client_->command(
        words,
        [this, stored = std::move(stored)](const redis::Answer& answer) {
            if (answer.value && node_ && node_->resume(now_ms())) touched();
            stored(answer.error.empty() ? cluster::parse_stream_id(answer.value->text())
                                        : std::nullopt,
                   answer.error);
        },
        sending.name);
}

// The script is sent until Redis has executed it once; then its hash names it.
void ClusterPart::append(uint64_t number, uint64_t first, const cluster::Sending& sending) {
    if (!client_) return;
    const std::string key = redis::name_beside(sending.name, ":sent:" + node_->uid());
    const std::string length = std::to_string(settings_.stream_length_max);
    const std::array texts{std::to_string(number), std::to_string(first),
                           cluster::Repeats::value_of(number, first)};
    const bool by_hash = has_script_ && !denies_hash_;
    std::vector<std::string_view> words{by_hash ? "EVALSHA" : "EVAL",
                                        by_hash ? script_hash_ : cluster::append_script(),
                                        "2",
                                        sending.name,
                                        key,
                                        texts[0],
                                        texts[1],
                                        length};
    add_fields(words, sending.entry);
    words.push_back(cluster::Repeats::field);
    words.push_back(texts[2]);
    client_->command(
        words,
        [this, number, by_hash](const redis::Answer& answer) {
            on_appended(number, by_hash, answer);
        },
        sending.name);
}

// Redis has forgotten the script, or is another server; or an access list allows EVAL alone.
bool ClusterPart::needs_script(std::string_view error) {
    if (error.starts_with("NOSCRIPT"))
        has_script_ = false;
    else if (redis::error_kind(error) == redis::ErrorKind::no_permission)
        denies_hash_ = true;
    else
        return false;
    return true;
}

void ClusterPart::on_appended(uint64_t number, bool by_hash, const redis::Answer& answer) {
    using Answer = cluster::Appends::Answer;
    if (!appends_) return;  // The loop has ended.
    if (answer.value && node_ && node_->resume(now_ms())) touched();
    if (!answer.value || (by_hash && needs_script(answer.error))) {
        appends_->answered(number, Answer::lost);
    } else if (!answer.error.empty()) {
        appends_->answered(number, Answer::refused, {}, answer.error);
    } else {
        has_script_ = true;
        const auto id = cluster::parse_stream_id(answer.value->text());
        appends_->answered(number, id ? Answer::stored : Answer::out_of_order, id);
    }
    if (appends_->is_paused())
        again_.after(again_ms, [this] {
            if (appends_) appends_->again();
        });
}

}  // namespace starling::server
