// Each allocation of each scenario fails once: that ends one connection and affects no other.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <new>
#include <string>

#include "tests/fake/tls_client.h"
#include "tests/net/tls_fixture.h"
#include "tests/server/out_of_memory.h"
#include "tests/server/ws_client.h"

namespace starling::fake {
namespace {

thread_local uint64_t allocations_left = 0;
thread_local bool failed = false;

void* allocate(size_t size) noexcept {
    if (allocations_left != 0 && --allocations_left == 0) {
        failed = true;
        return nullptr;
    }
    return std::malloc(size ? size : 1);
}

void* allocate_or_throw(size_t size) {
    if (void* memory = allocate(size)) return memory;
    throw std::bad_alloc();
}

}  // namespace

void fail_allocation(uint64_t number) noexcept {
    allocations_left = number;
    failed = false;
}

bool allocation_failed() noexcept { return failed; }

}  // namespace starling::fake

void* operator new(size_t size) { return starling::fake::allocate_or_throw(size); }
void* operator new[](size_t size) { return starling::fake::allocate_or_throw(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept {
    return starling::fake::allocate(size);
}
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
    return starling::fake::allocate(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace starling::server::test {
namespace {

using ws::Message;
using ws::Opcode;
using ws::Socket;

std::string request(std::string_view method, std::string_view path, std::string_view body = "") {
    return std::string(method) + " " + std::string(path) +
           " HTTP/1.1\r\nHost: here\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + std::string(body);
}

class OutOfMemory : public FailingAllocations {
protected:
    OutOfMemory() {
        add("GET", "/", [](const http::Request&, http::Response& response) {
            response.text(std::string(100, 'x'));
        });
        add("POST", "/", [](const http::Request& request, http::Response& response) {
            response.text(std::string(request.body()));
        });
        add("GET", "/later", [this](const http::Request&, http::Response& response) {
            const http::Reply reply = response.later();
            workers_.group.workers[0]->post([reply]() mutable {
                try {
                    (void)reply.write(std::string(5'000, 'a'));
                    reply.end();
                } catch (const std::bad_alloc&) {
                    reply.end();
                    throw;
                }
            });
        });
        ws::Route echo;
        echo.compression.enabled = true;
        echo.message = [](Socket socket, Message message) {
            if (message.text() == "join") return void(socket.join("topic"));
            if (message.text() == "publish") return void(socket.publish("topic", "news"));
            socket.send(message);
        };
        workers_.site.add_websocket("/ws", std::move(echo));
    }
    void add(std::string_view method, std::string_view path, http::Handler handler) {
        workers_.site.add_handler(method, path, std::move(handler));
    }
    void fail_each(const std::function<void()>& scenario, bool tls = false) {
        workers_.start(
            1, [](auto&) {}, tls ? net::shared_context() : nullptr);
        FailingAllocations::fail_each(scenario, [this, tls] {
            if (!tls) everybody_else_goes_on();
        });
    }
    void everybody_else_goes_on() {
        WsClient client(workers_.port(), "/ws");
        ASSERT_EQ(client.handshake().status, 101);
        client.send_text("still here");
        ASSERT_EQ(client.next(), "text(still here)");
    }
};

TEST_F(OutOfMemory, ARequest) {
    fail_each([&] {
        Client client(workers_.port());
        client.send(request("GET", "/"));
        (void)client.answer();
    });
}

// A place that was given back twice would let the count of connections run below 0; one that was kept
// would refuse the next client with 429.
TEST_F(OutOfMemory, AConnectionThatCountsForItsAddress) {
    workers_.group.limits = std::make_unique<SharedLimits>(
        Limits{.connections = {}, .connections_per_address_max = 2, .exempt = {}});
    fail_each([&] {
        Client first(workers_.port()), second(workers_.port()), refused(workers_.port());
        for (Client* const client : {&first, &second, &refused}) {
            client->send(request("GET", "/"));
            (void)client->answer();
        }
        first.close();
        second.close();
        refused.close();
        EXPECT_TRUE(workers_.all_gone());
    });
}

TEST_F(OutOfMemory, PipelinedRequestsWithBodies) {
    const std::string body(30'000, 'b');
    fail_each([&] {
        Client client(workers_.port());
        client.send(request("POST", "/", body) + request("GET", "/") + request("POST", "/", body));
        for (int i = 0; i < 3; ++i) (void)client.answer();
    });
}

TEST_F(OutOfMemory, AnAnswerThatComesLater) {
    fail_each([&] {
        Client client(workers_.port());
        client.send(request("GET", "/later"));
        (void)client.answer();
    });
}

TEST_F(OutOfMemory, AWebSocket) {
    fail_each([&] {
        WsClient client(workers_.port(), "/ws", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        client.send_text("short");
        client.send(masked_frame(Opcode::ping, "ping"));
        client.send(masked_frame(Opcode::text, std::string(70'000, 'x'), false));
        client.send(masked_frame(Opcode::continuation, std::string(70'000, 'y')));
        client.send_close(1000, "bye");
        while (client.frame().end.empty()) {}
    });
}

TEST_F(OutOfMemory, APublication) {
    fail_each([&] {
        WsClient reader(workers_.port(), "/ws"), writer(workers_.port(), "/ws");
        reader.send_text("join");
        writer.send_text("join");
        reader.send_text("joined");
        (void)reader.frame();
        writer.send_text("publish");
        writer.send_close(1000);
        while (writer.frame().end.empty()) {}
        reader.send_close(1000);
        while (reader.frame().end.empty()) {}
    });
}

// A client that sends but never reads.
TEST_F(OutOfMemory, AQueueThatWaits) {
    fail_each([&] {
        WsClient client(workers_.port(), "/ws", "", 4096);
        for (int i = 0; i < 3; ++i) client.send_text(std::string(900'000, 'x'));
        client.send_close(1000);
        client.read_fast();
        while (client.frame().end.empty()) {}
    });
}

TEST_F(OutOfMemory, ATlsHandshake) {
    fail_each(
        [&] {
            Client client(workers_.port());
            fake::TlsClient tls(net::only(TLS1_3_VERSION));
            tls.feed("");
            client.send(tls.output());
            while (!tls.established() && client.more()) {
                tls.feed(std::exchange(client.pending(), {}));
                client.send(tls.output());
            }
            if (!tls.established() || !tls.write(request("GET", "/"))) return;
            client.send(tls.output());
            while (tls.plaintext().find("HTTP/1.1 ") == std::string::npos && client.more())
                tls.feed(std::exchange(client.pending(), {}));
        },
        true);
}

}  // namespace
}  // namespace starling::server::test
