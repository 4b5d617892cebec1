#include "webhook/delivery.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "webhook/backlog.h"

namespace starling::webhook {
namespace {

constexpr uint32_t middle = 1U << 31;  // No jitter.

std::string due_text(const Delivery& delivery) {
    const auto due = delivery.due();
    return std::string(action_text(due.action)) + "#" + std::to_string(due.sequence) +
           (due.action == Action::message ? "=" + std::string(due.data) : "");
}

// One Delivery, driven by letters; records what each of them caused.
class Player {
public:
    explicit Player(const DeliveryOptions& options = {},
                    Delivery::Begin begin = Delivery::Begin::with_open)
        : worker(options, budget), delivery(worker, begin) {}

    std::string play(std::string_view script) {
        std::string out;
        for (const char c : script) {
            if (c == ' ') continue;
            if (!out.empty()) out += " | ";
            out += text(step(c));
        }
        return out;
    }

    Budget budget;
    Deliveries worker;
    Delivery delivery;
    uint64_t now_ms = 1'000;
    uint64_t began_ms = 1'000;
    uint32_t random = middle;

private:
    // m message, e end, s started, t timer, > a second passes, d drop. A try ended with: + 200, x
    // no connection, o no answer in time, c cut off, 5 500, 3 503, 9 429, 4 400, r 302.
    Delivery::Effects step(char c) {
        switch (c) {
            case 'm': return delivery.push("m" + std::to_string(++pushed_));
            case 'e': return delivery.end();
            case 's': delivery.started(now_ms); return {};
            case 't':
                if (delivery.deadline_ms() != UINT64_MAX) now_ms = delivery.deadline_ms();
                return delivery.on_timer(now_ms);
            case '>': now_ms += 1'000; return {};
            case 'd': return delivery.drop();
            case '+': return finished({.status = 200, .sent = true});
            case 'x': return finished({});
            case 'o': return finished({.sent = true, .timed_out = true});
            case 'c': return finished({.sent = true});
            case '5': return finished({.status = 500, .sent = true});
            case '3': return finished({.status = 503, .sent = true});
            case '9': return finished({.status = 429, .sent = true, .retry_after_ms = 3'000});
            case '4': return finished({.status = 400, .sent = true});
            case 'r': return finished({.status = 302, .sent = true});
            default: ADD_FAILURE() << c; return {};
        }
    }
    Delivery::Effects finished(const Outcome& outcome) {
        return delivery.finished(outcome, now_ms, random);
    }
    std::string text(const Delivery::Effects& effects) const {
        std::string out;
        if (effects.lost) out += "lost ";
        if (effects.start_timer) out += "+" + std::to_string(delivery.deadline_ms() - now_ms) + " ";
        if (effects.ready) out += due_text(delivery) + " ";
        if (effects.pause) out += "pause ";
        if (effects.resume) out += "resume ";
        if (effects.done) out += "done ";
        if (out.empty()) return "-";
        out.pop_back();
        return out;
    }

    int pushed_ = 0;
};

TEST(WebhookDelivery, Order) {
    const struct {
        const char* name;
        std::string_view script, transcript;
    } cases[] = {
        {"open, messages, close", "s+ ms+ e s+",
         "- | - | message#1=m1 | - | - | close#2 | - | done"},
        {"messages wait for open", "m m s + s + s +",
         "- | - | - | message#1=m1 | - | message#2=m2 | - | -"},
        {"one at a time", "s + m m s m + s + s +",
         "- | - | message#1=m1 | - | - | - | message#2=m2 | - | message#3=m3 | - | -"},
        {"close waits for messages", "s m e + s + s +",
         "- | - | - | message#1=m1 | - | close#2 | - | done"},
        {"close while open is under way", "s e + s +", "- | - | close#1 | - | done"},
        {"close once", "s + e e s e + d", "- | - | close#1 | - | - | - | done | -"},
    };
    for (const auto& c : cases) EXPECT_EQ(Player().play(c.script), c.transcript) << c.name;
}

TEST(WebhookDelivery, Retries) {
    const struct {
        const char* name;
        std::string_view script, transcript;
    } cases[] = {
        {"no connection", "s x t s +", "- | +100 | open#0 | - | -"},
        {"pauses grow up to 5 s", "s x t s x t s x t s x t s x t s x t s x t s x",
         "- | +100 | open#0 | - | +200 | open#0 | - | +400 | open#0 | - | +800 | open#0 | - | "
         "+1600 | "
         "open#0 | - | +3200 | open#0 | - | +5000 | open#0 | - | +5000"},
        {"no answer, 500, 503", "s o t s 5 t s 3 t s +",
         "- | +100 | open#0 | - | +200 | open#0 | - | +400 | open#0 | - | -"},
        {"Retry-After", "s 9 t s x", "- | +3000 | open#0 | - | +200"},
        {"400 is not tried again; the next one goes", "s + m m s 4 s +",
         "- | - | message#1=m1 | - | - | lost message#2=m2 | - | -"},
        {"302 likewise", "s r m s r", "- | lost | message#1=m1 | - | lost"},
        {"the next one begins with short pauses", "s x t s x t s + m s x",
         "- | +100 | open#0 | - | +200 | open#0 | - | - | message#1=m1 | - | +100"},
        {"a message while the first one pauses", "s + m s x m t s + s +",
         "- | - | message#1=m1 | - | +100 | - | message#1=m1 | - | message#2=m2 | - | -"},
        {"a timer that is early", "s x > t", "- | +100 | - | open#0"},
        {"dropped", "s + m s x e d d", "- | - | message#1=m1 | - | +100 | - | lost done | -"},
        {"dropped under way", "s d", "- | lost done"},
        {"dropped while idle", "s + d", "- | - | done"},
    };
    for (const auto& c : cases) EXPECT_EQ(Player().play(c.script), c.transcript) << c.name;
}

TEST(WebhookDelivery, AtMostOnce) {
    DeliveryOptions options;
    options.retry.rules = Rules::at_most_once;
    const struct {
        const char* name;
        std::string_view script, transcript;
    } cases[] = {
        {"no answer: it may have been seen", "s o m s o m s +",
         "- | lost | message#1=m1 | - | lost | message#2=m2 | - | -"},
        {"500 likewise", "s 5 m s + e s 5",
         "- | lost | message#1=m1 | - | - | close#2 | - | lost done"},
        {"no connection, 503", "s x t s 3 t s +", "- | +100 | open#0 | - | +200 | open#0 | - | -"},
        {"cut off: a message is lost", "s + m s c", "- | - | message#1=m1 | - | lost"},
        {"cut off: close has one more try", "s + e s c t s c",
         "- | - | close#1 | - | +100 | close#1 | - | lost done"},
        {"cut off, then down, then back", "s + e s c t s x t s +",
         "- | - | close#1 | - | +100 | close#1 | - | +200 | close#1 | - | done"},
        {"close that is answered too late has none", "s + e s o",
         "- | - | close#1 | - | lost done"},
    };
    for (const auto& c : cases) EXPECT_EQ(Player(options).play(c.script), c.transcript) << c.name;
}

// From the first try on; the last try is at the end of the time.
TEST(WebhookDelivery, GivesUpInTime) {
    const struct {
        std::string_view before;
        uint64_t give_up_ms;
    } cases[] = {{"", 30'000}, {"s+m", 30'000}, {"s+e", 600'000}};
    for (const auto& c : cases) {
        Player player;
        player.play(c.before);
        player.now_ms += 12'345;  // The time before the first try does not count.
        const uint64_t first_ms = player.now_ms;
        int tries = 0;
        std::string last;
        do {
            player.play("s");
            ++tries;
            last = player.play("x");
            EXPECT_LE(player.now_ms, first_ms + c.give_up_ms);
            if (last.starts_with("+")) player.play("t");
        } while (last.starts_with("+") && tries < 1'000);
        EXPECT_EQ(player.now_ms, first_ms + c.give_up_ms) << c.before;
        EXPECT_TRUE(last.starts_with("lost")) << last;
        EXPECT_EQ(last.ends_with("done"), c.give_up_ms == 600'000) << last;
        EXPECT_GT(tries, 5);
    }
}

// A close is due only if the application may know of the connection.
TEST(WebhookDelivery, CloseForWhatWasHeard) {
    DeliveryOptions options;
    options.retry.retry_for_ms = 0;
    const struct {
        std::string_view script, last;
    } cases[] = {
        {"s x e", "done"},           // The open was never sent.
        {"s o e", "close#1"},        // The open may have arrived.
        {"s 4 e", "close#1"},        // The open arrived.
        {"s 5 e", "close#1"},        // The open arrived.
        {"s x m s + e", "close#2"},  // A message told the application of the connection.
        {"s x m s x e", "done"},    {"e s x", "lost done"}, {"e s o", "lost close#1"},
    };
    for (const auto& c : cases) {
        const std::string all = Player(options).play(c.script);
        EXPECT_EQ(all.substr(all.rfind("| ") + 2), c.last) << c.script;
    }
}

TEST(WebhookDelivery, Admitted) {
    Player player({}, Delivery::Begin::admitted);
    EXPECT_EQ(player.delivery.phase(), Delivery::Phase::idle);
    EXPECT_EQ(player.play("m s + e s +"), "message#1=m1 | - | - | close#2 | - | done");
    EXPECT_EQ(Player({}, Delivery::Begin::admitted).play("e s +"), "close#1 | - | done");
}

TEST(WebhookDelivery, PausesTheClientWhileTheQueueIsFull) {
    DeliveryOptions options;
    options.messages_max = 4;
    options.message_bytes_max = 10;
    {
        Player player(options);
        EXPECT_EQ(player.play("m m m m m"), "- | - | - | pause | -");
        EXPECT_FALSE(player.delivery.fits(1));
        EXPECT_EQ(
            player.play("s + s + s + s +"),
            "- | message#1=m1 | - | message#2=m2 | - | message#3=m3 | - | message#4=m4 resume");
    }
    {
        Player player(options);
        EXPECT_TRUE(player.delivery.fits(1'000));  // No message waits.
        EXPECT_TRUE(player.delivery.push(std::string(1'000, 'x')).pause);
        EXPECT_EQ(player.delivery.message_bytes(), 1'000U);
        EXPECT_FALSE(player.delivery.fits(1));
        EXPECT_EQ(player.play("s"), "-");
        const auto open_done = player.delivery.finished({200, true}, 0, 0);
        EXPECT_TRUE(open_done.ready && !open_done.resume);
        player.play("s");
        EXPECT_TRUE(player.delivery.finished({200, true}, 0, 0).resume);
    }
    {
        Player player(options);
        EXPECT_FALSE(player.delivery.push("12345").pause);
        EXPECT_TRUE(player.delivery.fits(5));
        EXPECT_FALSE(player.delivery.fits(6));
        EXPECT_TRUE(player.delivery.push("12345").pause);
    }
    {
        Player player(options);  // A client that is gone is not read in any case.
        EXPECT_EQ(
            player.play("m m m m e s + s + s + s + s + s +"),
            "- | - | - | pause | - | - | message#1=m1 | - | message#2=m2 | - | message#3=m3 | - | "
            "message#4=m4 | - | close#5 | - | done");
    }
}

TEST(WebhookDelivery, TheBudgetIsSharedAndExact) {
    Budget budget(100);
    Deliveries worker({}, budget);
    auto a = std::make_unique<Delivery>(worker);
    auto b = std::make_unique<Delivery>(worker, Delivery::Begin::admitted);
    EXPECT_EQ(budget.used(), 0U);
    EXPECT_TRUE(a->push(std::string(100, 'a')).pause);
    EXPECT_GT(budget.used(), 100U);
    EXPECT_FALSE(budget.has_room());
    EXPECT_TRUE(b->fits(10));  // `b` has no message in its queue, so a pause of it would never end.
    EXPECT_TRUE(b->push("b").pause);
    EXPECT_FALSE(b->fits(10));
    b->started(0);
    EXPECT_TRUE(b->finished({200, true}, 0, 0).resume);
    EXPECT_EQ(b->messages(), 0U);
    EXPECT_TRUE(b->push("b").pause);
    const size_t both = budget.used();
    b.reset();
    EXPECT_LT(budget.used(), both);
    EXPECT_TRUE(a->drop().done);
    EXPECT_EQ(budget.used(), 0U);
    EXPECT_EQ(a->messages(), 0U);
}

// What is kept for clients that have gone counts, until their last webhook is over.
TEST(WebhookDelivery, EndingsAreNotFree) {
    Budget budget(1'000);
    Deliveries worker({}, budget);
    std::vector<std::unique_ptr<Delivery>> all;
    for (int i = 0; i < 2; ++i) {
        all.push_back(std::make_unique<Delivery>(worker));
        (void)all.back()->end(500);
        (void)all.back()->end(500);  // Changes nothing.
        EXPECT_EQ(budget.used(), 500U * static_cast<size_t>(i + 1));
    }
    EXPECT_FALSE(budget.has_room());
    all[0]->started(0);
    (void)all[0]->finished({404, true}, 0, 0);
    EXPECT_EQ(budget.used(), 1'000U);  // `close` is due.
    all[0]->started(0);
    EXPECT_TRUE(all[0]->finished({200, true}, 0, 0).done);
    EXPECT_EQ(budget.used(), 500U);
    (void)all[1]->drop();
    EXPECT_EQ(budget.used(), 0U);
}

// An ack keeps its place among the messages.
TEST(WebhookDelivery, AcksInOrder) {
    Budget budget;
    Deliveries worker({}, budget);
    Delivery delivery(worker, Delivery::Begin::admitted);
    (void)delivery.push("1");
    (void)delivery.push_ack("[2]", 7);
    (void)delivery.push("3", 8);
    const struct {
        Action action;
        const char* data;
        std::optional<uint64_t> ack_id;
    } rows[] = {{Action::message, "1", {}}, {Action::ack, "[2]", 7}, {Action::message, "3", 8}};
    for (const auto& row : rows) {
        EXPECT_EQ(delivery.due().action, row.action);
        EXPECT_EQ(delivery.due().data, row.data);
        EXPECT_EQ(delivery.due().ack_id, row.ack_id);
        delivery.started(0);
        (void)delivery.finished({200, true}, 0, middle);
    }
    EXPECT_EQ(delivery.phase(), Delivery::Phase::idle);
    EXPECT_EQ(budget.used(), 0U);
}

TEST(WebhookDelivery, EmptyMessagesAreNotFree) {
    Budget budget;
    Deliveries worker({}, budget);
    Delivery delivery(worker);
    for (int i = 0; i < 1'000; ++i) (void)delivery.push("");
    EXPECT_GE(budget.used(), 1'000U * (sizeof(std::string) + sizeof(void*)));
    EXPECT_TRUE(delivery.paused());
}

TEST(WebhookDelivery, TheOldestOfTooManyEndingsIsInExcess) {
    Budget budget;
    DeliveryOptions options;
    options.endings_max = 2;
    Deliveries worker(options, budget);
    std::vector<std::unique_ptr<Delivery>> all;
    for (int i = 0; i < 3; ++i) all.push_back(std::make_unique<Delivery>(worker));
    for (const int i : {1, 0}) (void)all[static_cast<size_t>(i)]->end();
    EXPECT_EQ(worker.endings(), 2U);
    EXPECT_EQ(worker.excess(), nullptr);
    (void)all[2]->end();
    ASSERT_EQ(worker.excess(), all[1].get());
    EXPECT_EQ(all[1]->drop(), (Delivery::Effects{.lost = true, .done = true}));
    EXPECT_EQ(worker.excess(), nullptr);
    all[1].reset();
    EXPECT_EQ(worker.endings(), 2U);
    all[0].reset();  // Destroyed without drop().
    EXPECT_EQ(worker.endings(), 1U);
    all[2]->started(0);
    EXPECT_TRUE(all[2]->finished({200, true}, 0, 0).ready);
    all[2]->started(0);
    EXPECT_TRUE(all[2]->finished({200, true}, 0, 0).done);
    EXPECT_EQ(worker.endings(), 0U);
}

TEST(WebhookDelivery, TheDataOfOpenAndTheAcksOfMessages) {
    Budget budget;
    Deliveries worker({}, budget);
    Delivery delivery(worker);
    delivery.open_with(R"({"token":"x"})");
    EXPECT_EQ(budget.used(), 13u);
    (void)delivery.push("1", 7);
    (void)delivery.push("2");
    const auto deliver = [&](uint16_t status) {
        delivery.started(0);
        (void)delivery.finished({.status = status, .sent = true}, 0, middle);
        if (delivery.phase() == Delivery::Phase::pausing)
            (void)delivery.on_timer(delivery.deadline_ms());
    };
    EXPECT_EQ(delivery.due().data, R"({"token":"x"})");
    deliver(503);
    EXPECT_EQ(delivery.due().data, R"({"token":"x"})");  // The same on every try.
    deliver(200);
    EXPECT_EQ(delivery.due().data, "1");
    EXPECT_EQ(delivery.due().ack_id, std::optional<uint64_t>(7));
    deliver(200);
    EXPECT_EQ(delivery.due().data, "2");
    EXPECT_FALSE(delivery.due().ack_id);
    (void)delivery.end();
    deliver(200);
    EXPECT_EQ(delivery.due().action, Action::close);
    EXPECT_EQ(delivery.due().data, "{}");
    deliver(200);
    EXPECT_EQ(delivery.phase(), Delivery::Phase::done);
    EXPECT_EQ(budget.used(), 0u);
}

TEST(WebhookDelivery, TheDataOfOpenIsGivenBackWithTheDelivery) {
    Budget budget;
    Deliveries worker({}, budget);
    {
        Delivery delivery(worker);
        delivery.open_with("{}");
        EXPECT_EQ(budget.used(), 2u);
    }
    EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace starling::webhook
