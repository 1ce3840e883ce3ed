#include "store/sqlite/writer.h"

#include <exception>
#include <future>

namespace dure::store::sqlite {

namespace {

using Clock = std::chrono::steady_clock;

Result<void> Guarded(const Writer::Work& work, Connection& connection) {
  try {
    return work(connection);
  } catch (const std::exception& failure) {
    return Fail(ErrorCode::kInternal, std::string("a write failed: ") + failure.what());
  }
}

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, WriterOptions options)
    : connection_(std::move(connection)), options_(std::move(options)) {
  thread_ = std::thread([this] { Loop(); });
}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Writer::Enqueue(Job job, bool urgent) {
  {
    const std::lock_guard lock(mutex_);
    if (job.droppable && waiting_.size() >= options_.max_waiting) {
      ++dropped_;
      return;
    }
    waiting_.push_back(std::move(job));
    const auto due = Clock::now() + (urgent ? std::chrono::milliseconds(0) : options_.later);
    due_ = due_ ? std::min(*due_, due) : due;
  }
  wake_.notify_one();
}

Result<void> Writer::Now(Work work) {
  // Shared: the waiting side may be gone before set_value has returned.
  const auto promise = std::make_shared<std::promise<Result<void>>>();
  auto future = promise->get_future();
  Soon(std::move(work), [promise](const Result<void>& result) { promise->set_value(result); });
  return future.get();
}

void Writer::Soon(Work work, Done done) { Enqueue({std::move(work), std::move(done), {}}, true); }

void Writer::Later(Work work) {
  Job job{std::move(work),
          [this](const Result<void>& result) {
            if (!result && options_.log) options_.log("not stored: " + result.error().message);
          },
          {}};
  job.droppable = true;
  Enqueue(std::move(job), false);
}

void Writer::Later(Work work, Done done) { Enqueue({std::move(work), std::move(done), {}}, false); }

Result<void> Writer::EmptyLog() {
  const auto promise = std::make_shared<std::promise<Result<void>>>();
  auto future = promise->get_future();
  Job job{[](Connection& connection) -> Result<void> {
            const auto busy = connection.QueryInt("PRAGMA wal_checkpoint(TRUNCATE)");
            if (!busy) return tl::unexpected(busy.error());
            if (*busy == 0) return {};
            return Fail(ErrorCode::kUnavailable, "the write-ahead log is being read");
          },
          [promise](const Result<void>& result) { promise->set_value(result); },
          {}};
  job.outside = true;
  Enqueue(std::move(job), true);
  return future.get();
}

void Writer::Loop() {
  for (;;) {
    std::vector<Job> jobs;
    size_t dropped = 0;
    {
      std::unique_lock lock(mutex_);
      while (!stopping_ && (!due_ || Clock::now() < *due_)) {
        if (due_) {
          wake_.wait_until(lock, *due_);
        } else {
          wake_.wait(lock);
        }
      }
      if (stopping_ && waiting_.empty()) return;
      jobs.swap(waiting_);
      due_.reset();
      dropped = std::exchange(dropped_, 0);
    }
    if (dropped > 0 && options_.log) {
      options_.log(std::to_string(dropped) + " records were lost: the disk is too slow");
    }
    WriteAll(jobs);
  }
}

void Writer::WriteAll(std::vector<Job>& jobs) {
  std::vector<Job> group;
  for (Job& job : jobs) {
    if (job.outside) continue;
    group.push_back(std::move(job));
    if (group.size() < options_.max_group) continue;
    WriteGroup(group);
    group.clear();
  }
  if (!group.empty()) WriteGroup(group);
  for (Job& job : jobs) {
    if (job.outside) job.done(Guarded(job.work, *connection_));
  }
}

void Writer::WriteGroup(std::vector<Job>& jobs) {
  std::vector<Job*> all;
  for (Job& job : jobs) all.push_back(&job);
  if (auto committed = TryGroup(all); !committed) {
    // One job's failure must not be the others': each alone, once.
    for (Job& job : jobs) {
      std::vector<Job*> one = {&job};
      if (jobs.size() > 1) committed = TryGroup(one);
      if (!committed) job.result = tl::unexpected(committed.error());
    }
  }
  // What a job holds is let go of at once: when a later one is told, nothing is left of it.
  for (Job& job : jobs) {
    job.work = nullptr;
    std::exchange(job.done, nullptr)(job.result);
  }
}

// An error: nothing of the group was written. Otherwise each job has its own result.
Result<void> Writer::TryGroup(std::vector<Job*>& jobs) {
  if (auto begun = connection_->Execute("BEGIN IMMEDIATE"); !begun) return begun;
  for (Job* job : jobs) {
    auto begun = connection_->Execute("SAVEPOINT job");
    if (begun) {
      job->result = Guarded(job->work, *connection_);
      // After some failures (disk full, I/O) SQLite has rolled the whole transaction back.
      if (!connection_->in_transaction()) return job->result;
      begun = connection_->Execute(job->result ? "RELEASE job" : "ROLLBACK TO job; RELEASE job");
    }
    if (!begun) {
      if (connection_->in_transaction()) (void)connection_->Execute("ROLLBACK");
      return begun;
    }
  }
  auto committed = connection_->Execute("COMMIT");
  if (!committed && connection_->in_transaction()) (void)connection_->Execute("ROLLBACK");
  return committed;
}

}  // namespace dure::store::sqlite
