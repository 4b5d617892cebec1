// app/demo/community/database.h: one SQLite file behind two small classes. database.cpp alone sees
// sqlite3.h; whoever uses this writes SQL with parameters (?) and never pastes values into it.
//
// Owner: Store. Thread: one at a time; the Store's mutex sees to that. Nothing here throws: a step
// that fails is remembered until the statement ends, and `failed()` tells.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace starling::app::community {

// How long a call waits while another process writes. Short: it is a worker's thread that waits.
inline constexpr int busy_timeout_ms = 50;
inline constexpr int64_t database_pages_max = 16 * 1024;  // Of 4 KiB: 64 MiB, then writes fail.

class Statement {
public:
    Statement(sqlite3* connection, std::string_view sql) noexcept;
    ~Statement();
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // The next parameter. The bytes must live until the statement ends.
    Statement& bind(int64_t value) noexcept;
    Statement& bind(std::string_view text) noexcept;

    [[nodiscard]] bool row() noexcept;  // Steps; true where there is a row.
    [[nodiscard]] bool run() noexcept;  // Steps to the end; true where nothing failed.
    [[nodiscard]] bool failed() const noexcept { return failed_; }

    // Of the current row, from 0.
    [[nodiscard]] bool is_null(int column) const noexcept;
    [[nodiscard]] int64_t integer(int column) const noexcept;
    [[nodiscard]] std::string text(int column) const;

private:
    sqlite3_stmt* statement_ = nullptr;
    int next_ = 1;
    bool failed_ = false;
};

class Database {
public:
    Database() = default;
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // Creates the file (mode 0600) where there is none; ":memory:" keeps everything in memory.
    // False: `error` says why. Changes nothing in a file that is there.
    [[nodiscard]] bool open(const std::string& path, std::string& error);
    // How this program writes: once it is clear that the file is one of its own.
    [[nodiscard]] bool settle() noexcept;

    [[nodiscard]] Statement prepare(std::string_view sql) noexcept { return {connection_, sql}; }
    [[nodiscard]] bool run(std::string_view sql) noexcept { return prepare(sql).run(); }
    [[nodiscard]] bool script(const char* sql) noexcept;  // Several statements, no parameters.
    [[nodiscard]] int64_t last_id() const noexcept;
    [[nodiscard]] int changes() const noexcept;  // Rows that the last statement wrote.
    [[nodiscard]] std::string error() const;     // Of the last call.

private:
    sqlite3* connection_ = nullptr;
};

// Rolls back where nobody committed.
class Transaction {
public:
    // Takes the right to write at once, so that no two processes wait for each other.
    explicit Transaction(Database& database) noexcept
        : database_(database), open_(database.run("BEGIN IMMEDIATE")) {}
    ~Transaction() {
        if (open_) static_cast<void>(database_.run("ROLLBACK"));
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    [[nodiscard]] bool began() const noexcept { return open_; }
    [[nodiscard]] bool commit() noexcept {
        if (!open_ || !database_.run("COMMIT")) return false;  // The destructor rolls back.
        open_ = false;
        return true;
    }

private:
    Database& database_;
    bool open_;
};

}  // namespace starling::app::community
