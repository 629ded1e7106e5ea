// The same as tests/bench/bare.py's `bolt`, by @slack/bolt as its documentation begins: node bare.cjs PORT, in a folder
// (or with a NODE_PATH) where @slack/bolt is installed.
const fs = require("node:fs");
const { App, LogLevel } = require("@slack/bolt");

const view = process.env.VIEW ? JSON.parse(fs.readFileSync(process.env.VIEW)) : {};
const app = new App({
  token: "xoxb-demo",
  signingSecret: process.env.SLACK_SIGNING_SECRET,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
  logLevel: LogLevel.ERROR,
});

app.command("/community", async ({ ack, body, client }) => {
  if (body.text === "help") {
    await ack({ text: "A word of help" });
    return;
  }
  await client.views.open({ trigger_id: body.trigger_id, view });
  await ack();
});

app.start({ port: Number(process.argv[2]), host: "127.0.0.1" });
