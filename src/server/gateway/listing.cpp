#include "server/gateway/listing.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/url.h"
#include "server/gateway/part.h"

namespace starling::server {
namespace {

// Connections that a worker collects before it handles its other events again.
constexpr size_t round_entries = 256;
constexpr size_t piece_bytes = 64 * 1024;
// Time until the next try to send, if the client has not read what was sent.
constexpr uint64_t retry_ms = 20;

struct Entry {
    explicit Entry(const GatewayClient& client)
        : user(client.fields.user()),
          conn_id(client.fields.conn_id()),
          token(client.fields.token()),
          user_agent(client.fields.user_agent()),
          is_public(client.fields.is_public()) {}
    [[nodiscard]] webhook::ListKey key() const noexcept { return {user, is_public, conn_id}; }

    std::string user, conn_id, token, user_agent;
    bool is_public;
};

// The last collected connection of a worker.
struct Mark {
    explicit Mark(const webhook::ListKey& key)
        : user(key.user), conn_id(key.conn_id), is_public(key.is_public) {}
    [[nodiscard]] webhook::ListKey key() const noexcept { return {user, is_public, conn_id}; }

    std::string user, conn_id;
    bool is_public;
};

// Collects the next connections of one worker, in their order.
std::deque<Entry> collect(const GatewayPart& part, const std::vector<std::string>& users,
                          const std::optional<Mark>& after) {
    std::deque<Entry> entries;
    const auto take = [&entries](const GatewayClient& client) {
        if (entries.size() == round_entries) return false;
        entries.emplace_back(client);
        return true;
    };
    std::optional<webhook::ListKey> place;
    if (after) place = after->key();
    if (users.empty()) walk(part.index(), {}, place, take);
    for (const std::string& user : users) {
        if (after && user < after->user) continue;
        const bool within = after && user == after->user;
        if (!walk(part.index(), user, within ? place : std::nullopt, take)) break;
    }
    return entries;
}

class Listing : public std::enable_shared_from_this<Listing> {
public:
    Listing(Gateway& gateway, GatewayPart& here, webhook::ListQuery query, http::Reply reply)
        : gateway_(gateway),
          here_(here),
          users_(sorted(query.users())),
          left_(query.limit()),
          reply_(std::move(reply)),
          writer_(text_, gateway.options().show_tokens),
          sources_(gateway.group().workers.size()) {
        if (const auto after = query.after())
            for (Source& source : sources_) source.after.emplace(*after);
    }

    void go_on() {
        while (fill()) {
            Source* const first = first_source();
            if (!first || left_ == 0) return finish(first != nullptr);
            const Entry& entry = first->entries.front();
            writer_.add({entry.key(), entry.token, entry.user_agent});
            last_.emplace(entry.key());
            first->entries.pop_front();
            --left_;
            if (text_.size() >= piece_bytes && !send_piece()) return;
        }
    }

private:
    struct Source {
        std::deque<Entry> entries;
        std::optional<Mark> after;
        bool asked = false, exhausted = false;
    };

    static std::vector<std::string> sorted(const webhook::NameSet& names) {
        std::vector<std::string> users;
        users.reserve(names.size());
        for (size_t i = 0; i < names.size(); ++i) users.emplace_back(names[i]);
        std::ranges::sort(users);
        return users;
    }

    // True: the next connection of every worker is known. False: the workers whose next connection
    // is unknown were asked.
    bool fill() {
        bool known = true;
        for (size_t i = 0; i < sources_.size(); ++i) {
            Source& source = sources_[i];
            if (!source.entries.empty() || source.exhausted) continue;
            known = false;
            if (!std::exchange(source.asked, true)) ask(i);
        }
        return known;
    }

    void ask(size_t i) {
        constexpr size_t answer_bytes = round_entries * 512;
        Worker& worker = *gateway_.group().workers[i];
        // A dropped call drops its reference to this object; the destructor of the last reference
        // ends the answer.
        (void)worker.post_bounded(
            answer_bytes, [self = shared_from_this(), &worker, i, after = sources_[i].after] {
                auto entries = collect(self->gateway_.part(worker), self->users_, after);
                Worker& home = self->here_.worker;
                if (&worker == &home) return self->take(i, std::move(entries));
                (void)home.post_bounded(answer_bytes,
                                        [self, i, entries = std::move(entries)]() mutable {
                                            self->take(i, std::move(entries));
                                        });
            });
    }

    void take(size_t i, std::deque<Entry> entries) {
        Source& source = sources_[i];
        source.asked = false;
        source.exhausted = entries.size() < round_entries;
        source.entries = std::move(entries);
        if (!source.entries.empty()) source.after.emplace(source.entries.back().key());
        go_on();
    }

    Source* first_source() noexcept {
        Source* first = nullptr;
        for (Source& source : sources_) {
            if (source.entries.empty()) continue;
            if (!first || source.entries.front().key() < first->entries.front().key())
                first = &source;
        }
        return first;
    }

    // False: send_piece() is called again later, or never if the client is gone.
    bool send_piece() {
        if (reply_.write(text_)) {
            began_ = true;
            text_.clear();
            return true;
        }
        if (!reply_.closed())
            here_.worker.loop().after(retry_ms, [self = shared_from_this()] {
                if (self->send_piece()) self->go_on();
            });
        return false;
    }

    void finish(bool more) {
        if (more)
            writer_.finish(webhook::list_cursor(last_->key()));
        else
            writer_.finish();
        if (!began_) {
            http::Response whole;
            whole.header("Cache-Control", "no-store").json(std::move(text_));
            return reply_.send(std::move(whole));
        }
        end();
    }

    void end() {
        if (reply_.write(text_)) return reply_.end();
        if (!reply_.closed())
            here_.worker.loop().after(retry_ms, [self = shared_from_this()] { self->end(); });
    }

    Gateway& gateway_;
    GatewayPart& here_;
    const std::vector<std::string> users_;
    size_t left_;
    const http::Reply reply_;
    std::string text_;
    webhook::ListWriter writer_;
    std::vector<Source> sources_;
    std::optional<Mark> last_;
    bool began_ = false;
};

}  // namespace

base::Result<webhook::ListQuery> read_list_query(std::string_view query_string) {
    webhook::ListQuery query;
    for (const auto& [name, value] : http::form_fields(query_string)) {
        const auto set = query.set(name, value);
        if (!set) return base::Failure(set.error());
    }
    query.seal();
    return query;
}

void start_listing(Gateway& gateway, GatewayPart& here, webhook::ListQuery query,
                   http::Reply reply) {
    std::make_shared<Listing>(gateway, here, std::move(query), std::move(reply))->go_on();
}

}  // namespace starling::server
