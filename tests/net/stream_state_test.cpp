// Every cell of the three tables of net/stream_state.h, as text: next state and action.
#include "net/stream_state.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace starling::net {
namespace {

using Names = std::initializer_list<std::string_view>;

template <class Table>
void expect_cells(Names states, Names events, Names actions,
                  std::initializer_list<std::initializer_list<std::string_view>> rows) {
    const auto name = [](Names names, auto value) { return names.begin()[size_t(value)]; };
    ASSERT_EQ(states.size(), Table::states);
    ASSERT_EQ(events.size(), Table::events);
    ASSERT_EQ(rows.size(), Table::states);
    for (size_t state = 0; state < Table::states; ++state) {
        ASSERT_EQ(rows.begin()[state].size(), Table::events);
        for (size_t event = 0; event < Table::events; ++event) {
            const auto& cell = Table::table[state][event];
            std::string got(name(actions, cell.action));
            if (cell.action != Table::Action::fault)
                got = std::string(name(states, cell.next)) + " " + got;
            EXPECT_EQ(got, rows.begin()[state].begin()[event])
                << states.begin()[state] << " " << events.begin()[event];
        }
    }
}

TEST(StreamState, EveryCellOfALife) {
    expect_cells<StreamLife>(
        {"open", "half_open", "flushing", "last_flush", "lingering", "cancelling", "closed"},
        {"close", "all_sent", "peer_ended", "timed_out", "over", "over_held", "given_back"},
        {"-", "start_flush", "tell_drained", "start_linger", "finish", "tell_ended", "tell_timeout",
         "check_flush", "check_linger", "free", "fault"},
        {{"flushing start_flush", "open tell_drained", "half_open tell_ended", "open tell_timeout",
          "closed free", "cancelling -", "fault"},
         {"last_flush start_flush", "half_open tell_drained", "half_open -",
          "half_open tell_timeout", "closed free", "cancelling -", "fault"},
         {"flushing -", "lingering start_linger", "last_flush -", "flushing check_flush",
          "closed free", "cancelling -", "fault"},
         {"last_flush -", "last_flush finish", "last_flush -", "last_flush check_flush",
          "closed free", "cancelling -", "fault"},
         {"lingering -", "fault", "lingering finish", "lingering check_linger", "closed free",
          "fault", "fault"},
         {"cancelling -", "fault", "cancelling -", "fault", "cancelling -", "cancelling -",
          "closed free"},
         {"closed -", "fault", "closed -", "fault", "closed -", "closed -", "fault"}});
}

TEST(StreamState, EveryCellOfTheInput) {
    expect_cells<StreamInput>(
        {"flowing", "yielded", "paused", "paused_yielded"}, {"pause", "resume", "yield", "turn"},
        {"-", "receive_off", "receive_on", "queue_turn", "deliver", "fault"},
        {{"paused receive_off", "flowing -", "yielded queue_turn", "fault"},
         {"paused_yielded receive_off", "yielded -", "yielded -", "flowing deliver"},
         {"paused -", "flowing receive_on", "paused_yielded queue_turn", "fault"},
         {"paused_yielded -", "yielded receive_on", "paused_yielded -", "paused -"}});
}

TEST(StreamState, EveryCellOfTheOutput) {
    expect_cells<StreamOutput>({"idle", "listed", "sending", "listed_sending"},
                               {"wrote", "flush", "pending", "sent"},
                               {"-", "list", "send", "fault"},
                               {{"listed list", "fault", "sending -", "fault"},
                                {"listed -", "idle send", "listed_sending -", "fault"},
                                {"sending -", "fault", "fault", "idle -"},
                                {"listed_sending -", "sending -", "fault", "listed -"}});
}

TEST(StreamState, AMachineGoesFromCellToCell) {
    StreamMachine<StreamOutput> output;
    using Event = StreamOutput::Event;
    using Action = StreamOutput::Action;
    EXPECT_EQ(output.on(Event::wrote), Action::list);
    EXPECT_EQ(output.on(Event::pending), Action::none);
    EXPECT_EQ(output.on(Event::flush), Action::none);
    EXPECT_EQ(output.get(), StreamOutput::State::sending);
    EXPECT_EQ(output.on(Event::sent), Action::none);
    EXPECT_EQ(output.get(), StreamOutput::State::idle);
#if defined(STARLING_ASSERTIONS)
    EXPECT_DEATH(output.on(Event::sent), "Action::fault");
#endif
}

}  // namespace
}  // namespace starling::net
