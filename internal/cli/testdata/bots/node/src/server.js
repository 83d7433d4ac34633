import { createServer } from 'node:http'
import { answer } from './brain.js'
import { config } from './config.js'
import { sendText } from './gateway.js'

// Takes one message of a user. Everything else (echoes, receipts) is none.
async function take(event) {
  if (event.event !== 'messages.upsert' || event.data.key.fromMe) return
  const user = event.data.key.remoteJid.split('@')[0]
  const text = event.data.message?.conversation ?? event.data.message?.extendedTextMessage?.text
  if (text) await sendText(user, await answer(user, text))
}

async function bodyOf(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks))
}

const server = createServer(async (request, response) => {
  if (request.method === 'GET' && request.url === '/healthz') {
    response.end('ok')
    return
  }
  if (request.method === 'POST' && request.url === '/hooks/whatsapp') {
    try {
      const event = await bodyOf(request)
      response.end('{}')
      take(event).catch((error) => console.error(error.message))
    } catch {
      response.writeHead(400).end()
    }
    return
  }
  if (request.method === 'POST' && request.url === '/hooks/payment') {
    response.writeHead(204).end()
    return
  }
  response.writeHead(404).end()
})

server.listen(config.port, '127.0.0.1', () => console.log(`listening on ${config.port}`))
