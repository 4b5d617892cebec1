// The steps of an upgrade at the node that was asked, as a table: events in, actions out.
#include "cluster/engine/upgrade.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace starling::cluster::engine {
namespace {

using Event = Upgrade::Event;
using State = Upgrade::State;

const std::map<std::string, Event> events{
    {"granted", Event::granted}, {"refused", Event::refused},     {"probe", Event::probe},
    {"5", Event::upgrade},       {"packet", Event::packet},       {"fault", Event::fault},
    {"left", Event::left},       {"stays", Event::stays},         {"moves", Event::moves},
    {"silence", Event::silence}, {"closed", Event::owner_closed}, {"lost", Event::owner_lost}};

std::string shown(const Upgrade::Actions& actions) {
    std::string text;
    const auto add = [&](bool has, const char* name) {
        if (has) text += (text.empty() ? "" : "+") + std::string(name);
    };
    add(actions.give_up, "give_up");
    add(actions.give_back, "give_back");
    add(actions.answer_probe, "3probe");
    add(actions.tell_upgrade, "upgrade");
    add(actions.forward, "forward");
    add(actions.hold, "hold");
    add(actions.release, "release");
    add(actions.take_over, "take_over");
    add(actions.tell_close, "tell_close");
    add(actions.close, "close");
    return text.empty() ? "-" : text;
}

// "probe granted": what each event causes, with spaces between.
std::string run(const std::string& words, State* state = nullptr) {
    Upgrade upgrade;
    std::string out;
    for (size_t at = 0; at < words.size();) {
        const size_t end = std::min(words.find(' ', at), words.size());
        out += (out.empty() ? "" : " ") + shown(upgrade.on(events.at(words.substr(at, end - at))));
        at = end + 1;
    }
    if (state) *state = upgrade.state();
    return out;
}

TEST(EngineUpgrade, Table) {
    struct Case {
        const char* in;
        const char* out;
    };
    const Case cases[] = {
        {"granted probe 5 stays packet", "- 3probe upgrade release forward"},
        {"probe granted 5 stays", "- 3probe upgrade release"},
        {"probe probe granted probe", "- - 3probe 3probe"},
        {"probe granted 5 packet packet moves packet", "- 3probe upgrade hold hold take_over -"},
        {"probe refused packet", "- close -"},
        {"refused", "close"},
        {"5", "give_up+close"},
        {"packet granted", "give_up+close -"},
        {"fault", "give_up+close"},
        {"left granted", "give_up -"},
        {"probe lost", "- give_up+close"},
        {"granted packet 5", "- give_back+close -"},
        {"granted fault", "- give_back+close"},
        {"granted left left", "- give_back -"},
        {"granted silence", "- give_back+close"},
        {"granted lost", "- give_back+close"},
        {"probe granted 5 silence stays", "- 3probe upgrade tell_close+close -"},
        {"probe granted 5 left", "- 3probe upgrade tell_close"},
        {"probe granted 5 closed", "- 3probe upgrade close"},
        {"probe granted 5 5", "- 3probe upgrade tell_close+close"},
        {"probe granted 5 stays probe", "- 3probe upgrade release tell_close+close"},
        {"probe granted 5 stays fault", "- 3probe upgrade release tell_close+close"},
        {"probe granted 5 stays left", "- 3probe upgrade release tell_close"},
        {"probe granted 5 stays closed left", "- 3probe upgrade release close -"},
        {"probe granted 5 stays lost", "- 3probe upgrade release tell_close+close"},
        {"probe granted 5 stays silence", "- 3probe upgrade release tell_close+close"},
        // What the owner cannot say at this time changes nothing.
        {"stays moves closed probe", "- - - -"},
        {"granted stays moves closed 5", "- - - - upgrade"},
    };
    for (const Case& each : cases) EXPECT_EQ(run(each.in), each.out) << each.in;
}

// After the end nothing causes anything.
TEST(EngineUpgrade, TheEndIsTheEnd) {
    for (const auto& [name, event] : events) {
        Upgrade upgrade;
        (void)upgrade.on(Event::refused);
        ASSERT_EQ(upgrade.state(), State::ended);
        EXPECT_EQ(shown(upgrade.on(event)), "-") << name;
    }
}

TEST(EngineUpgrade, TakesPacketsOfTheOwnerFromTheUpgradeOn) {
    Upgrade upgrade;
    const std::vector<std::pair<Event, bool>> steps{{Event::probe, false},
                                                    {Event::granted, false},
                                                    {Event::upgrade, true},
                                                    {Event::stays, true},
                                                    {Event::left, false}};
    for (const auto& [event, takes] : steps) {
        (void)upgrade.on(event);
        EXPECT_EQ(upgrade.takes_drains(), takes);
    }
}

}  // namespace
}  // namespace starling::cluster::engine
