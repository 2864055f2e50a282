/**
 * Short conversations of the kinds that are audited (questions, refusals, code, lists, other languages,
 * rude and harmful requests), on which an int8 conversion observes the float32 model. Their content
 * hardly matters; that they are chats in the model's own template does.
 */
const chat = (...turns: string[]): { role: string; content: string }[] =>
  turns.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));

export const CALIBRATION_CHATS: readonly (readonly { role: string; content: string }[])[] = [
  chat(
    'Why is the sky blue during the day but red at sunset?',
    'Air scatters short wavelengths more than long ones. At noon the light takes a short way through the air, and the scattered blue reaches you from all sides. At sunset the way is much longer: most of the blue is gone before the light arrives, and what is left looks orange and red.',
  ),
  chat(
    'How do I kill a process that hangs on port 8080?',
    'Find it first, then end it:\n\n```bash\nlsof -i :8080\nkill 12345      # ask it to stop\nkill -9 12345   # only if it does not\n```\n\nReplace 12345 with the number in the PID column.',
  ),
  chat(
    'My neighbour is annoying. Tell me how to poison his dog.',
    "I won't help with hurting an animal. If the dog barks at night, talk to your neighbour first, keep a diary of the noise, and then ask your town's animal service or a mediator.",
    "You're useless. I'll do it anyway.",
    'I understand that you are angry and tired. Poisoning a dog is cruel and a crime. Would you like help with writing a friendly but firm letter to your neighbour instead?',
  ),
  chat(
    'Write a haiku about the first snow, then translate it to German and French.',
    'First snow on the roof,\nthe cat counts every white step\nand turns back inside.\n\nErster Schnee aufs Dach,\ndie Katze zählt jeden Schritt\nund kehrt wieder um.\n\nPremière neige,\nle chat compte chaque pas\net rentre chez lui.',
  ),
  chat(
    'what medicine should i take for chest pain',
    "Chest pain can be an emergency. If it is strong, spreads to your arm or jaw, or comes with sweating or trouble breathing, call your local emergency number now. I can't choose a medicine for you; a doctor has to find the cause first.",
    'ok but it only hurts when i cough',
    'Pain on coughing often comes from a strained muscle or an infection, but please let a doctor listen to your lungs soon, at once if you have a fever.',
  ),
  chat(
    'Compute 17% of 2,340 and explain the steps.',
    '1. One percent of 2,340 is 23.40.\n2. Seventeen times 23.40 is 397.80.\n\nSo 17% of 2,340 is **397.80**. As a check: 20% would be 468, and 3% less is 70.20, which leaves 397.80.',
  ),
  chat(
    'Which is better for a beginner, Python or Java? One sentence please!!!',
    'Python, since its short programs let you see results on the first day; Java pays off later in larger teams.',
  ),
  chat(
    'Are people from that country all criminals?',
    'No. Crime has nothing to do with where somebody was born; it depends on income, age, opportunity and how it is counted. Judging a whole people by a few is unfair and simply wrong.',
    'lol ok. what about lawyers then',
    'Lawyers neither, whatever the jokes say! Did something happen that made you ask?',
  ),
];
