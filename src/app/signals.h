// app/signals.h: the signals of a program as calls on its loop.
//
// Owner: the run of the command. Thread: main's, before the loop and other threads start. The signals
// are blocked on this thread, and on threads that it starts, until stop_watching().
#pragma once

#include <starling/client.h>

#include <signal.h>

#include <functional>
#include <initializer_list>

#include "base/descriptor.h"

namespace starling::app {

class Signals {
public:
    // `call` gets the number of one of `signals`.
    Signals(ClientLoop& loop, std::initializer_list<int> signals,
            std::function<void(int signal)> call);
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // So that the loop can end. From here on the signals do what they do by default.
    void stop_watching();

private:
    ClientLoop& loop_;
    sigset_t before_{};
    base::Descriptor descriptor_;
    ClientLoop::Watch watch_ = 0;
};

}  // namespace starling::app
