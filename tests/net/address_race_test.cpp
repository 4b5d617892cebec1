#include "net/address_race.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <sstream>
#include <string>

#include "tests/fake/sockets.h"

namespace starling::net {
namespace {

// A letter is an address: a to j of IPv6, k to z of IPv4.
Address address_of(char letter) {
    const std::string number = std::to_string(letter - 'a' + 1);
    return fake::address(letter < 'k' ? "[::" + number + "]:80" : "10.0.0." + number + ":80");
}

// Runs a script and returns what was started when, as "a@0 k@250", and "lost@300" at the end.
//   +ab    addresses that the name has     known   no more follow
//   !a     the attempt a fails             @250    the time moves to 250 ms
class Script {
public:
    std::string run(const std::string& script) {
        std::istringstream words(script);
        for (std::string word; words >> word;) {
            event(word);
            start();
            if (race_.lost() && !lost_) note("lost"), lost_ = true;
        }
        return log_;
    }
    [[nodiscard]] const AddressRace& race() const { return race_; }

private:
    void event(const std::string& word) {
        if (word[0] == '+') {
            std::vector<Address> addresses;
            for (const char letter : word.substr(1)) addresses.push_back(address_of(letter));
            race_.add(addresses, now_);
        } else if (word[0] == '!') {
            race_.failed(attempts_.at(word[1]), ECONNREFUSED, now_);
        } else if (word[0] == '@') {
            const uint64_t until = std::stoull(word.substr(1));
            for (auto wake = race_.wake_ms(); wake && *wake <= until; wake = race_.wake_ms()) {
                now_ = std::max(now_, *wake);
                ASSERT_TRUE(start()) << "woken for nothing at " << now_;
            }
            now_ = until;
        } else {
            race_.all_known();
        }
    }
    bool start() {
        bool any = false;
        while (const auto attempt = race_.next(now_)) {
            const char letter = letter_of(attempt->address);
            attempts_.emplace(letter, *attempt);
            note(std::string(1, letter));
            any = true;
        }
        return any;
    }
    static char letter_of(const Address& address) {
        char letter = 'a';
        while (address_of(letter).to_string() != address.to_string()) ++letter;
        return letter;
    }
    void note(const std::string& what) {
        log_ += (log_.empty() ? "" : " ") + what + "@" + std::to_string(now_);
    }

    AddressRace race_;
    std::map<char, AddressRace::Attempt> attempts_;
    std::string log_;
    uint64_t now_ = 0;
    bool lost_ = false;
};

TEST(AddressRace, StartsTheAttemptsInTheOrderOfRfc8305) {
    struct Case {
        const char *what, *script, *started;
    };
    const Case cases[] = {
        {"one address", "+k known @999", "k@0"},
        {"the families take turns", "+abc +klm known @1500", "a@0 k@250 b@500 l@750 c@1000 m@1250"},
        {"one family longer than the other", "+a +klm known @1000", "a@0 k@250 l@500 m@750"},
        {"a failure starts the next one at once", "+ab +k known @100 !a @349 !k @1000",
         "a@0 k@100 b@349"},
        {"an earlier attempt fails", "+ab +kl known @260 !a @509 @510", "a@0 k@250 b@260 l@510"},
        {"all fail", "+a +k known !a @300 !k", "a@0 k@0 lost@300"},
        {"the last ones fail in another order", "+a +k known @300 !k @400 !a",
         "a@0 k@250 lost@400"},
        {"IPv4 waits for IPv6", "+k @49 +a @500", "a@49 k@299"},
        {"IPv4 waits no longer than 50 ms", "+k @49 @60 +a @500", "k@50 a@300"},
        {"no address of IPv6", "+k @10 known @500", "k@10"},
        {"IPv4 comes late", "+a @400 +k known @999", "a@0 k@400"},
        {"IPv4 comes after a failure", "+a !a @10 +k known @999", "a@0 k@10"},
        {"all known so far have failed", "+a !a @10", "a@0"},
        {"and nothing more comes", "+a !a @10 known", "a@0 lost@10"},
        {"no address at all", "known", "lost@0"},
        {"IPv6 comes after IPv4 has failed", "+k @60 !k @70 +a known", "k@50 a@70"},
    };
    for (const Case& c : cases) EXPECT_EQ(Script().run(c.script), c.started) << c.what;
}

TEST(AddressRace, ManyAddressesOfOneFamilyLeaveTheOtherItsTurn) {
    AddressRace race;
    race.add(std::vector<Address>(1000, address_of('a')), 0);
    race.add(std::vector<Address>(1000, address_of('k')), 0);
    race.all_known();
    size_t v6 = 0, v4 = 0;
    for (uint64_t now = 0; const auto attempt = race.next(now); now += 250)
        ++(attempt->address.family() == AF_INET6 ? v6 : v4);
    EXPECT_EQ(v6, AddressRace::addresses_per_family_max);
    EXPECT_EQ(v4, AddressRace::addresses_per_family_max);
}

TEST(AddressRace, KeepsTheFaultsInTheOrderInWhichTheyCame) {
    Script script;
    script.run("+a +k known @300 !k !a");
    std::string text;
    for (const auto& fault : script.race().faults())
        text += fault.address.to_string() + " " + describe_connect_error(fault.error) + "; ";
    EXPECT_EQ(text, "10.0.0.11:80 connection refused; [::1]:80 connection refused; ");
}

TEST(AddressRace, SaysErrorsInWords) {
    EXPECT_EQ(describe_connect_error(ECONNREFUSED), "connection refused");
    EXPECT_EQ(describe_connect_error(ENETUNREACH), "network is unreachable");
    EXPECT_EQ(describe_connect_error(EACCES), "permission denied");
}

}  // namespace
}  // namespace starling::net
