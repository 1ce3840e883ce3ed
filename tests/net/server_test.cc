// The server on real sockets: what clients do to it, well-behaved, clumsy and hostile.
#include "net/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <thread>

#include "net/sse.h"
#include "tests/net/raw_client.h"

namespace dure::net {
namespace {

using std::chrono::milliseconds;
using test::RawClient;
using test::RawResponse;

// A value that one thread sets and another waits for.
template <typename T>
class Slot {
 public:
  void Set(T value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    set_.notify_all();
  }
  bool WaitFor(milliseconds time = milliseconds(10'000)) {
    std::unique_lock lock(mutex_);
    return set_.wait_for(lock, time, [&] { return value_.has_value(); });
  }
  T Get() {
    WaitFor();
    const std::lock_guard lock(mutex_);
    return *value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable set_;
  std::optional<T> value_;
};

const std::string kHost = "Host: localhost\r\n";

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    options_.port = 0;
    options_.limits.max_body_bytes = 100'000;
    options_.render_error = [](int status, const std::string& message) {
      return Response{status, {{"Content-Type", "text/plain"}}, message};
    };
    router_.Add("GET", "/hello", RunOn::kIoThread,
                [](const Request&, const std::shared_ptr<ResponseWriter>& writer) {
                  writer->Send({200, {{"Content-Type", "text/plain"}}, "hello"});
                });
    router_.Add("POST", "/echo", RunOn::kWorker,
                [](const Request& request, const std::shared_ptr<ResponseWriter>& writer) {
                  writer->Send({200, {}, request.body});
                });
    router_.Add("GET", "/throws", RunOn::kWorker,
                [](const Request&, const std::shared_ptr<ResponseWriter>&) {
                  throw std::runtime_error("a handler's mistake");
                });
    router_.Add("GET", "/forgets", RunOn::kWorker,
                [](const Request&, const std::shared_ptr<ResponseWriter>&) {});
    // Leaves the writer to the test.
    router_.Add("GET", "/held", RunOn::kWorker,
                [this](const Request&, const std::shared_ptr<ResponseWriter>& writer) {
                  writer->OnClientGone([this] { gone_.Set(true); });
                  held_.Set(writer);
                });
  }

  ~ServerTest() override { server_.reset(); }

  void Start() {
    auto server = Server::Start(options_, router_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }

  // Writes until the client's and both kernels' buffers are full as well, so that the server makes
  // no more progress.
  static void Fill(ResponseWriter& writer, const std::string& piece) {
    size_t accepted = 0;
    for (bool progress = true; progress;) {
      while (writer.Write(piece) == WriteResult::kAccepted) accepted += piece.size();
      ASSERT_LT(accepted, 16u << 20) << "the buffer has no limit";
      const auto writable = std::make_shared<Slot<bool>>();
      writer.OnWritable([writable] { writable->Set(true); });
      progress = writable->WaitFor(milliseconds(100));
    }
  }

  RawResponse Ask(const std::string& bytes) {
    RawClient client(server_->port());
    client.Send(bytes);
    return client.ReadResponse();
  }

  ServerOptions options_;
  Router router_;
  std::unique_ptr<Server> server_;
  Slot<std::shared_ptr<ResponseWriter>> held_;
  Slot<bool> gone_;
};

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  Start();
  RawClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.Send("GET /hello HTTP/1.1\r\n" + kHost + "\r\n");
    const RawResponse response = client.ReadResponse();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "hello");
    EXPECT_EQ(response.headers.at("connection"), "keep-alive");
    EXPECT_EQ(response.headers.at("x-content-type-options"), "nosniff");
  }
  client.Send("GET /hello HTTP/1.1\r\n" + kHost + "Connection: close\r\n\r\n");
  EXPECT_EQ(client.ReadResponse().headers.at("connection"), "close");
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_TRUE(client.at_end());
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
  Start();
  RawClient client(server_->port());
  client.Send("HEAD /hello HTTP/1.1\r\n" + kHost + "\r\nGET /hello HTTP/1.1\r\n" + kHost + "\r\n");
  const RawResponse head = client.ReadResponse(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "5");
  EXPECT_EQ(client.ReadResponse().body, "hello");
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  RawClient client(server_->port());
  std::string bytes;
  for (int i = 0; i < 50; ++i) {
    const std::string body = std::to_string(i);
    bytes += "POST /echo HTTP/1.1\r\n" + kHost + "Content-Length: " + std::to_string(body.size()) +
             "\r\n\r\n" + body;
  }
  client.Send(bytes);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.ReadResponse().body, std::to_string(i));
}

TEST_F(ServerTest, TakesChunkedBodiesAndExpectContinue) {
  Start();
  EXPECT_EQ(Ask("POST /echo HTTP/1.1\r\n" + kHost +
                "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                .body,
            "abcde");
  RawClient client(server_->port());
  client.Send("POST /echo HTTP/1.1\r\n" + kHost +
              "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  ASSERT_TRUE(client.ReadUntil("100 Continue\r\n\r\n"));
  client.Send("abc");
  EXPECT_EQ(client.ReadResponse().body, "abc");
  // A body that is too long is refused before it is sent.
  RawClient greedy(server_->port());
  greedy.Send("POST /echo HTTP/1.1\r\n" + kHost +
              "Expect: 100-continue\r\nContent-Length: 3000000\r\n\r\n");
  EXPECT_EQ(greedy.ReadResponse().status, 413);
}

TEST_F(ServerTest, RefusesWhatItCannotServe) {
  Start();
  EXPECT_EQ(Ask("GET /nothing HTTP/1.1\r\n" + kHost + "\r\n").status, 404);
  const RawResponse wrong_method = Ask("DELETE /hello HTTP/1.1\r\n" + kHost + "\r\n");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(wrong_method.headers.at("allow"), "GET, HEAD");
  EXPECT_EQ(Ask("GET /throws HTTP/1.1\r\n" + kHost + "\r\n").status, 500);
  EXPECT_EQ(Ask("GET /forgets HTTP/1.1\r\n" + kHost + "\r\n").status, 500);
  EXPECT_EQ(Ask("rubbish\r\n\r\n").status, 400);
  EXPECT_EQ(Ask("GET /hello HTTP/3.0\r\n" + kHost + "\r\n").status, 505);
  EXPECT_EQ(Ask("GET /" + std::string(5000, 'x') + " HTTP/1.1\r\n" + kHost + "\r\n").status, 414);
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n").status, 431);
  EXPECT_EQ(Ask("GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n").status, 403);
  EXPECT_EQ(Ask("GET /hello HTTP/1.1\r\n" + kHost + "Origin: http://evil.example\r\n\r\n").status,
            403);
}

TEST_F(ServerTest, AClientThatIsStillSendingSeesWhyItWasRefused) {
  Start();
  RawClient client(server_->port());
  client.Send("POST /echo HTTP/1.1\r\n" + kHost + "Content-Length: 200000\r\n\r\n");
  client.Send(std::string(90'000, 'x'));
  const RawResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.headers.at("connection"), "close");
}

TEST_F(ServerTest, TimesOutSlowRequests) {
  options_.header_timeout = milliseconds(150);
  options_.body_timeout = milliseconds(150);
  options_.idle_timeout = milliseconds(150);
  options_.linger_timeout = milliseconds(100);
  Start();
  RawClient silent(server_->port());
  EXPECT_EQ(silent.ReadToEnd(), "");
  EXPECT_TRUE(silent.at_end());
  RawClient header(server_->port());
  header.Send("GET /hello HTTP/1.1\r\nHo");
  EXPECT_EQ(header.ReadResponse().status, 408);
  RawClient body(server_->port());
  body.Send("POST /echo HTTP/1.1\r\n" + kHost + "Content-Length: 10\r\n\r\nabc");
  EXPECT_EQ(body.ReadResponse().status, 408);
  // One byte at a time does not buy more time.
  RawClient loris(server_->port());
  std::thread dripping([&] {
    const std::string bytes = "GET /hello HTTP/1.1\r\nX: " + std::string(1000, 'x');
    for (const char c : bytes) {
      if (!loris.Send({&c, 1})) return;
      pollfd nothing{-1, 0, 0};
      ::poll(&nothing, 1, 5);
    }
  });
  EXPECT_EQ(loris.ReadResponse().status, 408);
  dripping.join();
}

TEST_F(ServerTest, StreamsChunksAsTheyCome) {
  Start();
  RawClient client(server_->port());
  client.Send("GET /held HTTP/1.1\r\n" + kHost + "\r\nGET /hello HTTP/1.1\r\n" + kHost + "\r\n");
  const auto writer = held_.Get();
  writer->StartStream(200, SseHeaders());
  EXPECT_EQ(writer->Write(SseEvent("one")), WriteResult::kAccepted);
  ASSERT_TRUE(client.ReadUntil("data: one\n\n"));
  EXPECT_EQ(writer->Write(SseEvent("two")), WriteResult::kAccepted);
  writer->Finish();
  EXPECT_EQ(writer->Write("late"), WriteResult::kGone);
  const RawResponse response = client.ReadResponse();
  EXPECT_TRUE(response.complete);
  EXPECT_EQ(response.body, "data: one\n\ndata: two\n\n");
  EXPECT_EQ(client.ReadResponse().body, "hello");
}

TEST_F(ServerTest, StreamsToHttp10UntilClose) {
  Start();
  RawClient client(server_->port());
  client.Send("GET /held HTTP/1.0\r\n" + kHost + "\r\n");
  const auto writer = held_.Get();
  writer->StartStream(200, {});
  writer->Write("text");
  writer->Finish();
  const RawResponse response = client.ReadResponse();
  EXPECT_FALSE(response.headers.contains("transfer-encoding"));
  EXPECT_EQ(response.body, "text");
  EXPECT_TRUE(client.at_end());
}

TEST_F(ServerTest, NoticesAClientThatLeavesBeforeTheAnswer) {
  Start();
  {
    RawClient client(server_->port());
    client.Send("GET /held HTTP/1.1\r\n" + kHost + "\r\n");
    held_.Get();
  }
  EXPECT_TRUE(gone_.WaitFor());
}

TEST_F(ServerTest, NoticesAResetWhileStreaming) {
  Start();
  RawClient client(server_->port());
  client.Send("GET /held HTTP/1.1\r\n" + kHost + "\r\n");
  const auto writer = held_.Get();
  writer->StartStream(200, {});
  writer->Write("x");
  ASSERT_TRUE(client.ReadUntil("x\r\n"));
  client.Reset();
  EXPECT_TRUE(gone_.WaitFor());
  EXPECT_EQ(writer->Write("y"), WriteResult::kGone);
}

TEST_F(ServerTest, AHalfClosedClientCountsAsGoneButGetsItsAnswer) {
  Start();
  RawClient client(server_->port());
  client.Send("GET /held HTTP/1.1\r\n" + kHost + "\r\n");
  const auto writer = held_.Get();
  client.HalfClose();
  EXPECT_TRUE(gone_.WaitFor());
  writer->Send({200, {}, "still here"});
  EXPECT_EQ(client.ReadResponse().body, "still here");
}

TEST_F(ServerTest, AWriterThatIsLetGoOfClosesTheStream) {
  Start();
  RawClient client(server_->port());
  client.Send("GET /held HTTP/1.1\r\n" + kHost + "\r\n");
  held_.Get()->StartStream(200, {});
  held_.Get()->Write("part");
  held_.Set(nullptr);
  const RawResponse response = client.ReadResponse();
  EXPECT_FALSE(response.complete);
  EXPECT_TRUE(client.at_end());
}

TEST_F(ServerTest, ASlowReaderIsToldToTheProducerAndCanCatchUp) {
  options_.max_outgoing_bytes = 8 << 10;
  options_.socket_send_bytes = 4 << 10;
  Start();
  RawClient client(server_->port(), 4 << 10);
  client.Send("GET /held HTTP/1.1\r\n" + kHost + "\r\n");
  const auto writer = held_.Get();
  writer->StartStream(200, {});
  const std::string piece(1000, 'x');
  Fill(*writer, piece);
  Slot<bool> writable;
  writer->OnWritable([&] { writable.Set(true); });
  std::thread reading([&] {
    while (client.ReadSome(2000)) {
    }
  });
  EXPECT_TRUE(writable.WaitFor());
  EXPECT_EQ(writer->Write(piece), WriteResult::kAccepted);
  writer->Finish();
  client.HalfClose();
  reading.join();
  EXPECT_NE(client.input().find("\r\n0\r\n\r\n"), std::string::npos);
}

TEST_F(ServerTest, AReaderThatLagsTooLongIsClosed) {
  options_.max_outgoing_bytes = 8 << 10;
  options_.socket_send_bytes = 4 << 10;
  options_.lag_timeout = milliseconds(200);
  Start();
  RawClient client(server_->port(), 4 << 10);
  client.Send("GET /held HTTP/1.1\r\n" + kHost + "\r\n");
  const auto writer = held_.Get();
  writer->StartStream(200, {});
  const std::string piece(1000, 'x');
  Fill(*writer, piece);
  // Others are served meanwhile.
  EXPECT_EQ(Ask("GET /hello HTTP/1.1\r\n" + kHost + "\r\n").status, 200);
  EXPECT_TRUE(gone_.WaitFor());
  EXPECT_EQ(writer->Write(piece), WriteResult::kGone);
}

TEST_F(ServerTest, RefusesConnectionsBeyondItsLimit) {
  options_.max_connections = 2;
  Start();
  RawClient first(server_->port());
  RawClient second(server_->port());
  first.Send("GET /hello HTTP/1.1\r\n" + kHost + "\r\n");
  second.Send("GET /hello HTTP/1.1\r\n" + kHost + "\r\n");
  EXPECT_EQ(first.ReadResponse().status, 200);
  EXPECT_EQ(second.ReadResponse().status, 200);
  RawClient third(server_->port());
  EXPECT_EQ(third.ReadResponse().status, 503);
}

TEST_F(ServerTest, StopLetsRunningAnswersFinish) {
  Start();
  RawClient idle(server_->port());
  idle.Send("GET /hello HTTP/1.1\r\n" + kHost + "\r\n");
  idle.ReadResponse();
  RawClient streaming(server_->port());
  streaming.Send("GET /held HTTP/1.1\r\n" + kHost + "\r\n");
  const auto writer = held_.Get();
  writer->StartStream(200, {});
  writer->Write("begin ");
  ASSERT_TRUE(streaming.ReadUntil("begin "));
  auto stopping = std::async(std::launch::async, [&] { server_->Stop(milliseconds(10'000)); });
  EXPECT_EQ(idle.ReadToEnd(), "");
  EXPECT_TRUE(idle.at_end());
  EXPECT_EQ(writer->Write("end"), WriteResult::kAccepted);
  writer->Finish();
  EXPECT_EQ(streaming.ReadResponse().body, "begin end");
  streaming.Close();
  stopping.get();
  EXPECT_FALSE(RawClient(server_->port()).connected());
}

TEST_F(ServerTest, StopClosesWhatDoesNotFinishInTime) {
  Start();
  RawClient client(server_->port());
  client.Send("GET /held HTTP/1.1\r\n" + kHost + "\r\n");
  const auto writer = held_.Get();
  server_->Stop(milliseconds(50));
  EXPECT_TRUE(gone_.WaitFor());
  EXPECT_EQ(client.ReadToEnd(), "");
  server_.reset();
  writer->Send({200, {}, "nobody reads this"});  // the writer outlives the server
}

TEST_F(ServerTest, SaysInOneLineWhyItCannotListen) {
  Start();
  ServerOptions same = options_;
  same.port = server_->port();
  const auto second = Server::Start(same, router_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(same.port)),
            std::string::npos);
  EXPECT_NE(second.error().message.find("in use"), std::string::npos);
  same.host = "not-an-address";
  EXPECT_FALSE(Server::Start(same, router_));
}

TEST_F(ServerTest, HundredsOfClientsAtOnce) {
  options_.max_connections = 400;
  Start();
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        RawClient client(server_->port());
        const std::string body(static_cast<size_t>(i) * 300, 'b');
        client.Send("POST /echo HTTP/1.1\r\n" + kHost +
                    "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        if (client.ReadResponse().body == body) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
}

TEST_F(ServerTest, AllBodiesTogetherHaveALimit) {
  options_.limits.max_body_bytes = 10 << 20;
  options_.max_body_bytes_at_once = 1 << 20;
  Start();
  const auto head = [](size_t size) {
    return "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(size) +
           "\r\n\r\n";
  };
  const std::string big(1 << 20, 'x');
  {
    RawClient first(server_->port());
    first.Send(head(big.size() + 10) + big);  // not yet whole
    RawClient small(server_->port());
    small.Send(head(5) + "small");
    EXPECT_EQ(small.ReadResponse().status, 200) << "what is small is never refused";
    // The first one's bytes may still be on their way: ask until they count.
    int status = 200;
    for (int i = 0; i < 1000 && status == 200; ++i) {
      RawClient second(server_->port());
      second.Send(head(200'000) + big.substr(0, 200'000));
      status = second.ReadResponse().status;
    }
    EXPECT_EQ(status, 503);
    first.Send("0123456789");
    EXPECT_EQ(first.ReadResponse().status, 200);
  }
  int status = 503;
  for (int i = 0; i < 1000 && status != 200; ++i) {
    RawClient third(server_->port());
    third.Send(head(big.size()) + big);
    status = third.ReadResponse().status;
  }
  EXPECT_EQ(status, 200) << "the room is given back";
}

}  // namespace
}  // namespace dure::net
