// The scenarios of tests/system/clients.py with the official Go client.
//
//	go-client URL SCENARIO
package main

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const wait = 20 * time.Second

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func insist(ok bool, what string) {
	if !ok {
		check(errors.New(what))
	}
}

func connect(url string, options ...nats.Option) *nats.Conn {
	nc, err := nats.Connect(url, append([]nats.Option{nats.Timeout(wait)}, options...)...)
	check(err)
	return nc
}

func publish(url string) {
	a, b := connect(url), connect(url)
	sub, err := b.SubscribeSync("greet.*")
	check(err)
	check(b.Flush())
	for i := 0; i < 1000; i++ {
		check(a.Publish("greet.joe", []byte(fmt.Sprint(i))))
	}
	check(a.Flush())
	for i := 0; i < 1000; i++ {
		m, err := sub.NextMsg(wait)
		check(err)
		insist(string(m.Data) == fmt.Sprint(i) && m.Subject == "greet.joe", "order")
	}
	check(sub.Unsubscribe())
}

func request(url string) {
	a, b := connect(url), connect(url)
	_, err := b.Subscribe("service", func(m *nats.Msg) { check(m.Respond(append([]byte("re:"), m.Data...))) })
	check(err)
	check(b.Flush())
	for i := 0; i < 100; i++ {
		m, err := a.Request("service", []byte(fmt.Sprint(i)), wait)
		check(err)
		insist(string(m.Data) == fmt.Sprintf("re:%d", i), "answer")
	}
	_, err = a.Request("nobody", nil, wait)
	insist(errors.Is(err, nats.ErrNoResponders), "no responders")
}

func queue(url string) {
	a := connect(url)
	counts := make([]atomic.Int64, 4)
	for i := range counts {
		c := connect(url)
		_, err := c.QueueSubscribe("jobs", "q", func(*nats.Msg) { counts[i].Add(1) })
		check(err)
		check(c.Flush())
	}
	for i := 0; i < 1000; i++ {
		check(a.Publish("jobs", []byte("x")))
	}
	check(a.Flush())
	sum := int64(0)
	for end := time.Now().Add(wait); sum != 1000 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		sum = 0
		for i := range counts {
			sum += counts[i].Load()
		}
	}
	insist(sum == 1000, "each message once")
	for i := range counts {
		insist(counts[i].Load() > 100, "every member works")
	}
}

func headers(url string) {
	a, b := connect(url), connect(url)
	sub, err := b.SubscribeSync("h")
	check(err)
	check(b.Flush())
	m := nats.NewMsg("h")
	m.Header.Add("Key", "one")
	m.Header.Add("Key", "two")
	m.Data = []byte("body")
	check(a.PublishMsg(m))
	got, err := sub.NextMsg(wait)
	check(err)
	insist(len(got.Header["Key"]) == 2 && got.Header["Key"][1] == "two", "header")
	insist(string(got.Data) == "body", "body")
}

func drain(url string) {
	closed := make(chan bool)
	a := connect(url)
	b := connect(url, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	var seen atomic.Int64
	_, err := b.Subscribe("d", func(*nats.Msg) { seen.Add(1); time.Sleep(100 * time.Microsecond) })
	check(err)
	check(b.Flush())
	for i := 0; i < 1000; i++ {
		check(a.Publish("d", []byte("x")))
	}
	check(a.Flush())
	check(b.Drain())
	select {
	case <-closed:
	case <-time.After(wait):
		insist(false, "drain ends")
	}
	insist(seen.Load() == 1000, fmt.Sprint("drained ", seen.Load()))
}

func reconnect(url string) {
	back := make(chan bool, 1)
	nc := connect(url, nats.ReconnectWait(20*time.Millisecond), nats.MaxReconnects(-1),
		nats.ReconnectHandler(func(*nats.Conn) { back <- true }))
	sub, err := nc.SubscribeSync("again")
	check(err)
	check(nc.Flush())
	fmt.Println("READY")
	select {
	case <-back:
	case <-time.After(wait):
		insist(false, "reconnect")
	}
	check(nc.Publish("again", []byte("hello")))
	m, err := sub.NextMsg(wait)
	check(err)
	insist(string(m.Data) == "hello", "message after reconnect")
}

func main() {
	scenarios := map[string]func(string){"publish": publish, "request": request, "queue": queue,
		"headers": headers, "drain": drain, "reconnect": reconnect}
	scenarios[os.Args[2]](os.Args[1])
	fmt.Println("DONE")
}
