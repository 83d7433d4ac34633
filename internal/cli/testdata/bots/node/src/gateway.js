import { config } from './config.js'

// Sends one message; the gateway answers 201.
export async function sendText(number, text) {
  const response = await fetch(`${config.gateway.url}/message/sendText/${config.gateway.session}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', apikey: config.gateway.token },
    body: JSON.stringify({ number, text }),
  })
  if (response.status !== 201) throw new Error(`gateway: status ${response.status}`)
}
