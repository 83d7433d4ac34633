// A WhatsApp bot whose hosts are written into the code, and whose client knows proxies as Node's agents do:
// "tunnel" opens one by CONNECT; "absolute" sends https URLs to the proxy as they are, as older axios does.
const http = require('node:http');
const https = require('node:https');
const tls = require('node:tls');

const how = process.argv[2];
const proxy = new URL(process.env.HTTPS_PROXY);

class Tunnel extends https.Agent {
  createConnection(options, done) {
    const name = `${options.host}:${options.port}`;
    http.request({ host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: name, headers: { host: name } })
      .on('connect', (answer, socket) => {
        if (answer.statusCode !== 200) return done(new Error(answer.statusMessage));
        done(null, tls.connect({ socket, servername: options.host, ALPNProtocols: ['http/1.1'] }));
      })
      .on('error', done)
      .end();
  }
}
const agent = new Tunnel({ keepAlive: true });

function post(url, headers, body) {
  const text = JSON.stringify(body);
  headers = { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  const { host, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = how === 'absolute'
      ? http.request({ host: proxy.hostname, port: proxy.port, method: 'POST', path: url, headers: { ...headers, host } })
      : https.request({ host, path: pathname, method: 'POST', headers, agent });
    request.on('error', reject).on('response', (answer) => {
      let all = '';
      answer.on('data', (piece) => { all += piece; }).on('end', () => resolve(all)).on('error', reject);
    });
    request.end(text);
  });
}

async function answer(to, text) {
  const said = JSON.parse(await post('https://api.openai.com/v1/chat/completions',
    { authorization: `Bearer ${process.env.OPENAI_API_KEY}` },
    { model: 'gpt-4o-mini', messages: [{ role: 'user', content: text }] })).choices[0].message.content;
  await post(`https://evolution.practice.example/message/sendText/${process.env.EVOLUTION_INSTANCE}`,
    { apikey: process.env.EVOLUTION_API_KEY }, { number: to, text: said });
}

http.createServer((request, response) => {
  if (request.method !== 'POST') { // parley's probe, say
    response.writeHead(404).end();
    return;
  }
  let all = '';
  request.on('data', (piece) => { all += piece; }).on('end', () => {
    response.end();
    const { event, data } = JSON.parse(all);
    if (event === 'messages.upsert' && !data.key.fromMe) {
      answer(data.key.remoteJid, data.message.conversation).catch((problem) => console.log(problem));
    }
  });
}).listen(process.env.PORT, '127.0.0.1');
