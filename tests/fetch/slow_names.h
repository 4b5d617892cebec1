// tests/fetch/slow_names.h: lets the look-up of names that begin with "slow." wait until the test goes on.
// "two.example" is 127.0.0.2, then 127.0.0.1.
#pragma once

namespace starling::fetch {

// While it lives, such a name waits for release(), and is then 127.0.0.1. The destructor releases, and waits
// for what is looked up still. Any other name is looked up as ever.
class SlowNames {
public:
    SlowNames();
    ~SlowNames();
    SlowNames(const SlowNames&) = delete;
    SlowNames& operator=(const SlowNames&) = delete;

    void release();
    [[nodiscard]] int asked() const;
    [[nodiscard]] int answered() const;
};

}  // namespace starling::fetch
