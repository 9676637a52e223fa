// Submits messages by the npm package `smpp` and prints how many it submitted in a second:
// node peer.js PORT COUNT WINDOW TEXT
const { connect } = require("smpp");

const [port, count, window] = process.argv.slice(2, 5).map(Number);
const text = process.argv[5];
const session = connect({ url: `smpp://127.0.0.1:${port}` });

const fail = (why) => {
  console.error(why);
  process.exit(1);
};
session.on("error", fail);
session.on("connect", () => {
  session.bind_transceiver({ system_id: "load", password: "load" }, (bound) => {
    if (bound.command_status !== 0) fail(`bind: ${bound.command_status}`);
    const begun = process.hrtime.bigint();
    let submitted = 0;
    let answered = 0;
    const submit = () => {
      if (submitted === count) return;
      submitted += 1;
      const message = { source_addr: "3800", destination_addr: "33639980001", short_message: text };
      session.submit_sm({ ...message, registered_delivery: 1 }, (answer) => {
        if (answer.command_status !== 0) fail(`submit: ${answer.command_status}`);
        answered += 1;
        if (answered === count) {
          const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
          console.log((count / seconds).toFixed(0));
          process.exit(0);
        }
        submit();
      });
    };
    for (let place = 0; place < window; place += 1) submit();
  });
});
