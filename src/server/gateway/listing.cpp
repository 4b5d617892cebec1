#include "server/gateway/listing.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/url.h"
#include "server/gateway/nodes.h"
#include "server/gateway/part.h"

namespace starling::server {
namespace {

// Connections that a worker collects before it handles its other events again.
constexpr size_t round_entries = webhook::page_entries_max;
constexpr size_t round_bytes = round_entries * 512;
constexpr size_t piece_bytes = 64 * 1024;
// Time until the next try to send, if the client has not read what was sent.
constexpr uint64_t retry_ms = 20;

using Entry = webhook::PageEntry;
using webhook::PagePlace;

Entry entry_of(const GatewayClient& client) {
    return {.user = std::string(client.fields.user()),
            .conn_id = std::string(client.fields.conn_id()),
            .token = std::string(client.fields.token()),
            .user_agent = std::string(client.fields.user_agent()),
            .is_public = client.fields.is_public()};
}

PagePlace place_of(const webhook::ListKey& key) {
    return {std::string(key.user), key.is_public, std::string(key.conn_id)};
}

// Collects the next connections of one worker, in their order.
std::deque<Entry> collect(const GatewayPart& part, const std::vector<std::string>& users,
                          const std::optional<PagePlace>& after) {
    std::deque<Entry> entries;
    const auto take = [&entries](const GatewayClient& client) {
        if (entries.size() == round_entries) return false;
        entries.push_back(entry_of(client));
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
        if (const auto after = query.after()) begins_after_ = place_of(*after);
        for (Source& source : sources_) source.after = begins_after_;
    }

    // In a cluster, the nodes that answer the first question are those whose connections are listed.
    void start() {
        GatewayNodes* const nodes = gateway_.nodes();
        if (!nodes) return go_on();
        nodes->ask_page(
            {.everyone = true}, page_request(begins_after_),
            [self = shared_from_this()](Nodes::Id node, webhook::Page page) {
                if (self->has(node)) return;  // A node answers once.
                Source& source = self->sources_.emplace_back();
                source.node = node;
                source.after = self->begins_after_;
                self->fill_from(source, std::move(page));
            },
            [self = shared_from_this()](size_t missing) {
                self->missing_nodes_ += missing;
                self->go_on();
            });
    }

    void go_on() {
        while (fill()) {
            Source* const first = first_source();
            if (!first || left_ == 0) return finish(first != nullptr);
            const Entry& entry = first->entries.front();
            writer_.add({entry.key(), entry.token, entry.user_agent});
            last_ = place_of(entry.key());
            first->entries.pop_front();
            --left_;
            if (text_.size() >= piece_bytes && !send_piece()) return;
        }
    }

private:
    struct Source {
        std::optional<Nodes::Id> node;  // Nothing: the worker of this node with the same index.
        std::deque<Entry> entries;
        std::optional<PagePlace> after;  // The last connection that was collected.
        bool asked = false, exhausted = false;
    };

    [[nodiscard]] bool has(Nodes::Id node) const {
        return std::ranges::any_of(sources_, [node](const auto& one) { return one.node == node; });
    }

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

    [[nodiscard]] webhook::PageRequest page_request(const std::optional<PagePlace>& after) const {
        return {.users = users_,
                .after = after,
                .entries_max = static_cast<uint16_t>(std::clamp<size_t>(left_, 1, round_entries)),
                .with_tokens = gateway_.options().show_tokens};
    }

    void fill_from(Source& source, webhook::Page page) {
        // A page that does not go on where the last one ended would have no end.
        const bool goes_on = page.entries.empty() || !source.after ||
                             source.after->key() < page.entries.front().key();
        if (!goes_on) ++missing_nodes_;
        source.exhausted = !page.more || !goes_on;
        if (!goes_on || page.entries.empty()) return;
        source.after = place_of(page.entries.back().key());
        std::ranges::move(page.entries, std::back_inserter(source.entries));
    }

    void ask_node(size_t i) {
        const auto has_answered = std::make_shared<bool>(false);
        gateway_.nodes()->ask_page(
            {.nodes = {*sources_[i].node}}, page_request(sources_[i].after),
            [self = shared_from_this(), i, has_answered](Nodes::Id, webhook::Page page) {
                if (!std::exchange(*has_answered, true))
                    self->fill_from(self->sources_[i], std::move(page));
            },
            [self = shared_from_this(), i, has_answered](size_t missing) {
                Source& source = self->sources_[i];
                source.asked = false;
                if (!*has_answered) {  // The node is gone; what it has sent stays in the list.
                    source.exhausted = true;
                    self->missing_nodes_ += std::max<size_t>(missing, 1);
                }
                self->go_on();
            });
    }

    void ask(size_t i) {
        if (sources_[i].node) return ask_node(i);
        Worker& worker = *gateway_.group().workers[i];
        // A dropped call drops its reference to this object; the destructor of the last reference
        // ends the answer.
        (void)worker.post_bounded(round_bytes, [self = shared_from_this(), &worker, i,
                                                after = sources_[i].after] {
            auto entries = collect(self->gateway_.part(worker), self->users_, after);
            Worker& home = self->here_.worker;
            if (&worker == &home) return self->take(i, std::move(entries));
            (void)home.post_bounded(round_bytes, [self, i, entries = std::move(entries)]() mutable {
                self->take(i, std::move(entries));
            });
        });
    }

    void take(size_t i, std::deque<Entry> entries) {
        Source& source = sources_[i];
        source.asked = false;
        source.exhausted = entries.size() < round_entries;
        source.entries = std::move(entries);
        if (!source.entries.empty()) source.after = place_of(source.entries.back().key());
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
            writer_.finish(webhook::list_cursor(last_->key()), missing_nodes_);
        else
            writer_.finish(std::nullopt, missing_nodes_);
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
    std::optional<PagePlace> begins_after_, last_;
    size_t missing_nodes_ = 0;
    bool began_ = false;
};

// The next connections of this node, from all its workers. Each of them holds the object until it has
// done its part; the last one answers.
class PageWork {
public:
    PageWork(Gateway& gateway, webhook::PageRequest request,
             std::function<void(std::string)> answer)
        : gateway_(gateway),
          request_(std::move(request)),
          answer_(std::move(answer)),
          by_worker_(gateway.group().workers.size()) {}
    PageWork(const PageWork&) = delete;
    PageWork& operator=(const PageWork&) = delete;
    ~PageWork() {
        try {
            const bool is_whole = !is_lost_.load() && left_.load() == 0;
            answer_(is_whole ? webhook::encode(merged()) : std::string(webhook::relay_refusal));
        } catch (
            const std::bad_alloc&) {  // The node that asked waits until its question is too old.
        }
    }

    static void start(const std::shared_ptr<PageWork>& work) {
        work->left_ = work->by_worker_.size();
        work->gateway_.group().post_all(
            round_bytes, nullptr,
            [work](const Worker& worker) {
                work->by_worker_[worker.index()] = collect(
                    work->gateway_.part(worker), work->request_.users, work->request_.after);
                --work->left_;
            },
            [&work](const Worker&) { work->is_lost_ = true; });
    }

private:
    [[nodiscard]] webhook::Page merged() {
        webhook::Page page;
        for (auto& entries : by_worker_) {
            page.more |= entries.size() == round_entries;
            std::ranges::move(entries, std::back_inserter(page.entries));
        }
        std::ranges::sort(page.entries, std::ranges::less{},
                          [](const Entry& entry) { return entry.key(); });
        page.more |= page.entries.size() > request_.entries_max;
        page.entries.resize(std::min<size_t>(page.entries.size(), request_.entries_max));
        if (!request_.with_tokens || !gateway_.options().show_tokens)
            for (Entry& entry : page.entries) entry.token.clear();
        return page;
    }

    Gateway& gateway_;
    const webhook::PageRequest request_;
    const std::function<void(std::string)> answer_;
    std::vector<std::deque<Entry>> by_worker_;  // Each written by its worker.
    std::atomic<size_t> left_{0};
    std::atomic<bool> is_lost_{false};
};

}  // namespace

void collect_page(Gateway& gateway, webhook::PageRequest request,
                  std::function<void(std::string)> answer) {
    PageWork::start(std::make_shared<PageWork>(gateway, std::move(request), std::move(answer)));
}

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
    std::make_shared<Listing>(gateway, here, std::move(query), std::move(reply))->start();
}

}  // namespace starling::server
