import { config } from './config.js'

const histories = new Map()
const prompt = 'You are the receptionist of a barber shop. Answer in one or two short sentences.'

// Asks the model, with what was said before.
export async function answer(user, text) {
  const history = histories.get(user) ?? []
  history.push({ role: 'user', content: text })
  const response = await fetch(config.llm.endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${config.llm.secret}` },
    body: JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'system', content: prompt }, ...history] }),
  })
  if (!response.ok) throw new Error(`model: status ${response.status}`)
  const { choices } = await response.json()
  const said = choices[0].message.content
  history.push({ role: 'assistant', content: said })
  histories.set(user, history.slice(-config.history))
  return said
}
