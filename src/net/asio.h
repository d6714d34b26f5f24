// What this room uses of Boost.Asio, with its settings in one place: every file that includes Asio must see the same ones. Only
// event_loop.cc, exit_watch.cc, tcp.cc and asio.cc (which holds Asio's own code, compiled once) include this.
#pragma once

#define BOOST_ASIO_SEPARATE_COMPILATION
#define BOOST_ASIO_NO_DEPRECATED
#define BOOST_ASIO_DISABLE_FENCED_BLOCK  // one thread runs a loop, and post() locks: no fence needed around each handler

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
