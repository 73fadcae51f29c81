// A person with a browser: opens the page, fills in what is asked for, and
// presses the button that goes on, until nothing is asked any more. Settings
// come as JSON on standard input; what is to be seen in the end is written to
// standard output, as JSON.
import { text } from 'node:stream/consumers';
import { chromium } from 'playwright-core';

const settings = JSON.parse(await text(process.stdin));
const browser = await chromium.launch({ executablePath: settings.chromium, args: ['--no-sandbox'] });
try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 900, height: 640 }, colorScheme: settings.scheme ?? 'light' });
  await context.route((url) => !['127.0.0.1', 'localhost'].includes(url.hostname), (route) => route.abort());
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(settings.address);
  for (let steps = 0; await next(page); steps++) {
    if (steps === 10) throw new Error(`still asked for something at ${page.url()}`);
  }
  if (settings.screenshot) await page.screenshot({ path: settings.screenshot });
  console.log(JSON.stringify({ title: await page.title(), text: await page.innerText('body'), url: page.url() }));
} finally {
  await browser.close();
}

// next answers one form, and reports whether there was one. A page that submits
// its form by itself has done so when the network is idle.
async function next(page) {
  await page.waitForLoadState('networkidle');
  const decline = page.locator('button[value=decline]');
  if (settings.decline && (await decline.count()) > 0) {
    await Promise.all([page.waitForNavigation(), decline.click()]);
    return true;
  }
  if (settings.keyboard) return await press(page);
  const button = page.locator('button.main:visible, button[type=submit]:visible, input[type=submit]:visible').first();
  if ((await button.count()) === 0) return false;
  for (const [selector, value] of [
    ['input[name=user_code], input[name=otc]', settings.code],
    ['input[type=password]', settings.password],
    ['input[name=login]', settings.user],
  ]) {
    const field = page.locator(selector).locator('visible=true').first();
    if (value && (await field.count()) > 0) await field.fill(value);
  }
  await Promise.all([page.waitForNavigation(), button.click()]);
  return true;
}

// press is next with the keyboard alone, from wherever the page has put the
// focus.
async function press(page) {
  const form = page.locator('form[data-step]');
  if ((await form.count()) === 0) return false;
  switch (await form.getAttribute('data-step')) {
    case 'signin':
      await page.keyboard.type(settings.user);
      await page.keyboard.press('Tab');
      await page.keyboard.type(settings.password);
      break;
    case 'code':
      await page.keyboard.type(settings.code);
  }
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  return true;
}
